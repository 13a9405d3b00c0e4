//! A load generator for servers of the Janus VideoCall API: Switchboard, a plain Janus, or janus-cloud.
//!
//! It shares its machine with what it measures, so it does little. It writes requests as text, parses only what matters
//! of the replies, and runs one task for a pair of clients.
//!
//! A run fails only if nothing can be measured. All other errors are counted in its result.

mod calls;
mod client;
mod clients;
mod endpoint;
mod error;
mod idle;
mod messages;
mod options;
mod output;
mod pacing;
mod pair;
mod parse;
mod population;
mod stats;

pub use endpoint::Endpoint;
pub use error::{CallError, Error};
pub use options::{Calls, ClientOptions, Idle, Load, Seconds, Storm, Target};
pub use output::Output;

use service::CancellationToken;

/// Runs the load until its time is over or `stop` is cancelled, and prints the result to `out`.
///
/// # Errors
/// When there is no result.
pub async fn run(load: &Load, out: &Output, stop: CancellationToken) -> Result<(), Error> {
    match load {
        Load::Calls(options) => calls::run(options, out, stop).await,
        Load::Idle(options) => idle::run_idle(options, out, stop).await,
        Load::Storm(options) => idle::run_storm(options, out, stop).await,
    }
}
