//! PURE. The wire protocol `domu.v1`: client frames, server frames, codec, and the table of codes.

pub mod codes;
