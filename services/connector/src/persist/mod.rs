//! The state of a backend that the next connector needs, stored in the directory.

pub mod pending;
pub mod recovery;
pub mod writer;

#[cfg(test)]
mod tests;
