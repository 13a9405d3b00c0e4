//! Turns the measurements of `make bench` into reports. No clock, process or file is used: numbers go in,
//! text comes out.
//!
//! | file | holds |
//! |---|---|
//! | `series.rs` | one number per round, with median and spread |
//! | `report.rs` | the results of a run and the targets it met |
//! | `digits.rs` | numbers formatted for people |
//! | `table.rs` | the report as tables |
//! | `picture.rs`, `svg.rs` | the report as a picture |
//! | `monitor.rs` | the commands of a Redis server, counted |
//!
//! The measurements are made in `cluster/`.

mod digits;
pub mod monitor;
pub mod picture;
pub mod report;
mod series;
mod svg;
pub mod table;

pub use report::{Bound, Figure, Goal, Report, System};
pub use series::Series;
