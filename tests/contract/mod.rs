//! What the outside may send.

mod access;
mod hostile;
