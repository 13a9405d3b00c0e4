//! What the outside may send, and what it gets: no harm is done, and nobody can tell Switchboard from a
//! Janus.

pub mod access;
mod compare;
mod hostile;
