//! Who fits whom: the question bank, the scores, and the matcher. Pure: no I/O, no clock, no async; what is random
//! comes from a seed.
//!
//! | file | what it knows |
//! |---|---|
//! | [`bank`] | the questions, from `data/bank.json` |
//! | [`sheet`] | an answer sheet as it is saved, section by section |
//! | [`person`] | an answer sheet, read and checked |
//! | [`vector`] | what is stored of a person for the engine |
//! | [`gates`] | what people cannot live with |
//! | [`v3`] | the score of this platform, in tables made from the bank |
//! | [`explain`] | a score's parts, reasons, house rules, first questions |
//! | [`population`] | the people of a run, and who may be suggested to whom |
//! | [`sketch`], [`scan`] | all pairs, scored as far as they matter |
//! | [`matcher`] | stable suggestions |
//! | [`board`] | the same, kept while people come, change and go |
//! | [`pair`] | what a pair is, from what both decided |
//! | [`quality`] | how good a run's suggestions are |
//! | [`crowd`] | made-up people |
//! | [`scored`], [`schema`] | what other programs read and write |
//! | [`v2`] | the score of the platform before this one, exactly, in [`ratio`]s |

pub mod bank;
pub mod board;
pub mod crowd;
pub mod explain;
pub mod gates;
pub mod matcher;
pub mod pair;
pub mod person;
pub mod population;
pub mod quality;
pub mod ratio;
pub mod scan;
pub mod schema;
pub mod scored;
pub mod sheet;
pub mod sketch;
pub mod v2;
pub mod v3;
pub mod vector;

#[cfg(test)]
mod tests;
