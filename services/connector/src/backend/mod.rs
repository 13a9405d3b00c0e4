//! Serves one Janus server while this connector holds the lease on it.
//!
//! `start` opens the mailbox and reads the state of the former connector. `run` is the loop, and `input`
//! what it waits for. `finalizer` ends calls in the directory. `shutdown` hands the backend over or
//! retires it.

mod finalizer;
mod input;
mod run;
mod shutdown;
mod start;

pub use run::StopReason;
pub use start::serve;
