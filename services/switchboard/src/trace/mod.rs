//! `trace`: what happened to one call, in order, from the log of calls, the directory, and what lies on the
//! roads. It reads Redis and writes nothing there.
//!
//! | file | holds |
//! |---|---|
//! | `found.rs` | what is known of the call, gathered |
//! | `story.rs` | the steps that this comes to |
//! | `print.rs` | the story for people, and for scripts |
//!
//! How far it sees: the log keeps about the last 100,000 events; of a call that runs the directory knows where
//! it is. What the services said about it is in their logs: every line there has the id of its call.

mod found;
mod print;
mod story;

use crate::error::Error;
use crate::options::TraceArgs;
use bus::Bus;
use common::CallId;
use directory::Directory;
use service::logging;
use std::io::{self, ErrorKind, Write};
use story::Timeline;

/// Why there is no story.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// That is no id.
    #[error("{0:?} is no id of a call: that is a UUID, as `switchboard calls` prints it in each line")]
    NotAnId(String),
    /// Nobody knows it.
    #[error(
        "nothing is known of call {0}: it does not run, and is not in the log of calls, which {1}; \
         `switchboard calls` prints the newest"
    )]
    Unknown(CallId, String),
    /// The directory does not answer.
    #[error("{0} does not answer: {1}")]
    Unreachable(String, directory::Error),
}

/// Tells the story of a call.
pub async fn run(options: TraceArgs) -> Result<(), Error> {
    logging::init(&options.log)?;
    let call: CallId = options.call.parse().map_err(|_| TraceError::NotAnId(options.call.clone()))?;
    let redis = &options.redis.redis;
    let ca = options.redis.check()?;
    let bus = Bus::redis_with_ca(redis.as_str(), ca.as_deref()).await;
    let bus = bus.map_err(|error| Error::Unreachable { redis: redis.to_string(), error })?;
    let unreachable = |error| TraceError::Unreachable(redis.to_string(), error);
    let directory = Directory::redis_with_ca(redis.as_str(), ca.as_deref()).await;
    let directory = directory.map_err(unreachable)?;
    let found = found::gather(call, &bus, &directory).await.map_err(|error| error.into_error(redis))?;
    if !found.is_known() {
        return Err(TraceError::Unknown(call, found.log_summary()).into());
    }
    let story = Timeline::from_data(call, &found);
    let text = if options.json { print::as_json(&story) } else { print::as_text(&story) };
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}
