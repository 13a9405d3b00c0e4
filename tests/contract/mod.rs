//! The interface to clients: malformed input does no harm, and the behaviour is that of a Janus.

pub mod access;
mod compare;
mod hostile;
