//! What the outside may send.

mod hostile;
