//! The tables of Domu, one file a table, and the typed ids of their rows.

pub mod ids;
