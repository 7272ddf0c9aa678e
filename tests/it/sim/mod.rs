//! Simulation: what grows from a seed is done to a real server, then everything that everybody was told is judged.
//!
//! `DOMU_SIM_SEEDS=5000` tries so many seeds, `DOMU_SIM_FROM=1000` begins there, and `DOMU_SIM_PLAN=FILE` does again what a
//! failing run has written down. A plan is the same every time; threads and sockets are not, so a plan is done
//! `DOMU_SIM_TIMES` times, and the first failure counts.

mod acts;
mod check;
mod device;
mod diary;
mod objects;
mod plan;
mod run;
mod seeds;
mod shrink;
mod soak;
mod truth;
mod world;
