//! `trace`: prints what happened to one call, in order, from the log of calls, the directory and the messages
//! that wait in streams. It only reads from Redis.
//!
//! The log keeps about the last 100,000 events. The directory has only calls that have not ended. The logs of
//! the services have more: each line about a call has its id.

mod gather;
mod render;
mod timeline;

use crate::format::ignore_closed_pipe;
use crate::options::TraceArgs;
use bus::{Bus, SendError};
use common::CallId;
use directory::Directory;
use gather::GatherError;
use service::logging;
use service::redis_options::RedisOptionsError;
use std::io::{self, Write};
use timeline::Timeline;

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error(transparent)]
    Log(#[from] service::logging::LoggingError),
    #[error(transparent)]
    Redis(#[from] RedisOptionsError),
    #[error("{0:?} is not the id of a call: that is a UUID, as `switchboard calls` prints it in each line")]
    NotAnId(String),
    #[error(
        "call {0} is unknown: it is not running, and not in the log of calls, which {1}; \
         `switchboard calls` prints the newest"
    )]
    Unknown(CallId, String),
    #[error("{0} does not answer: {1}")]
    Bus(String, SendError),
    #[error("{0} does not answer: {1}")]
    Directory(String, directory::Error),
    #[error("failed to write the output: {0}")]
    Output(#[source] io::Error),
}

/// Prints the timeline of a call.
pub async fn run(args: TraceArgs) -> Result<(), TraceError> {
    logging::init(&args.log)?;
    let id: CallId = args.call.parse().map_err(|_| TraceError::NotAnId(args.call.clone()))?;
    let redis = &args.redis.redis;
    let server = args.redis.server()?;
    let bus = Bus::connect(&server).await.map_err(|error| TraceError::Bus(redis.to_string(), error))?;
    let directory =
        Directory::connect(&server).await.map_err(|error| TraceError::Directory(redis.to_string(), error))?;
    let call = gather::gather(id, &bus, &directory).await.map_err(|error| match error {
        GatherError::Bus(error) => TraceError::Bus(redis.to_string(), error),
        GatherError::Directory(error) => TraceError::Directory(redis.to_string(), error),
    })?;
    if !call.is_known() {
        return Err(TraceError::Unknown(id, call.log_summary()));
    }
    let timeline = Timeline::new(id, &call);
    let text = if args.json { render::as_json(&timeline) } else { render::as_text(&timeline) };
    ignore_closed_pipe(writeln!(io::stdout().lock(), "{text}")).map_err(TraceError::Output)
}
