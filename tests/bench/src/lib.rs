//! What `make bench` makes of what it measures. No clock, no process, no file: numbers go in, text comes out.
//!
//! | file | holds |
//! |---|---|
//! | `series.rs` | one number of each round; median and spread |
//! | `report.rs` | all that a run has to say, and which targets it met |
//! | `digits.rs` | numbers as people read them |
//! | `table.rs` | the report as tables |
//! | `picture.rs`, `svg.rs` | the report as a picture |
//! | `monitor.rs` | what Redis says that it is asked, counted |
//!
//! The measuring itself is `cluster/`.

mod digits;
pub mod monitor;
pub mod picture;
pub mod report;
mod series;
mod svg;
pub mod table;

pub use report::{Bound, Figure, Goal, Report, System};
pub use series::Series;
