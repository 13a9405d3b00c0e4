//! Serves one Janus server while this connector holds the lease on it: `start` opens the mailbox and
//! recovers the state of the former connector, `run` is the loop, `finalizer` ends calls in the directory,
//! and `shutdown` hands the backend over or retires it.

mod finalizer;
mod input;
mod run;
mod shutdown;
mod start;

pub use run::StopReason;
pub use start::serve;
