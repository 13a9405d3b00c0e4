//! A load generator for whatever speaks the Janus API of the VideoCall plugin: Switchboard, a plain Janus, a
//! janus-cloud.
//!
//! It shares its machine with what it measures, so it does little: requests are written as text, of answers
//! only what matters is read, and there is one task for a pair of clients. It fails only when nothing can be
//! measured; whatever else goes wrong is counted, and is a part of the result.
//!
//! | file | holds |
//! |---|---|
//! | `options.rs`, `door.rs` | what can be asked; `--help` is the reference |
//! | `words.rs`, `hearing.rs` | what clients say and hear |
//! | `client.rs` | a client: websocket, session, handle |
//! | `pair.rs` | two clients and their calls |
//! | `crew.rs` | all pairs of a run |
//! | `crowd.rs`, `gathering.rs` | clients that are only there, and come back |
//! | `schedule.rs`, `turns.rs` | when calls are due, and whose turn it is |
//! | `failed.rs`, `errors.rs`, `times.rs`, `tally.rs`, `attendance.rs` | what is counted and measured |
//! | `calls.rs`, `idle.rs`, `storm.rs` | the runs |
//! | `report.rs`, `progress.rs` | what is told of it |
//! | `pause.rs` | pauses between attempts |
//! | `files.rs` | room for many sockets |

mod attendance;
mod calls;
mod client;
mod crew;
mod crowd;
mod door;
mod error;
mod errors;
mod failed;
mod files;
mod gathering;
mod hearing;
mod idle;
mod options;
mod pair;
mod pause;
mod progress;
mod report;
mod schedule;
mod storm;
mod tally;
mod times;
mod turns;
mod words;

pub use door::Endpoint;
pub use error::Error;
pub use failed::CallError;
pub use options::{Calls, ClientOptions, Idle, Load, Seconds, Storm, Target};

use service::CancellationToken;
use std::io::Write;

/// Runs the load until its time is over or `stop` says so; the result is printed to `out`.
///
/// # Errors
/// [`Error`], when there is no result.
pub async fn run(load: &Load, out: &mut dyn Write, stop: CancellationToken) -> Result<(), Error> {
    match load {
        Load::Calls(options) => calls::run(options, out, stop).await,
        Load::Idle(options) => idle::run(options, out, stop).await,
        Load::Storm(options) => storm::run(options, out, stop).await,
    }
}
