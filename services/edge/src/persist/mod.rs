//! Stores sessions in the directory, so that another edge can take them over.

pub mod dirty;
pub mod pending_write;
pub mod writer;
