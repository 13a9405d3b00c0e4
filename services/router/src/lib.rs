//! The router decides who owns a name, whether a callee is free, and on which backend a call is placed.
//!
//! A [`worker`] takes a request from a shard of the `requests` queue. Its function in [`handlers`] reads the
//! directory and changes it in atomic steps. Then it sends the result to the client's edge ([`replies`]) or
//! posts the call to a backend's mailbox.
//!
//! A router keeps no state that a restart would lose: any router can handle any request, and finish one that
//! another router started. While the directory or the bus is unavailable, a request fails and is redelivered
//! to any router; past its deadline the client's edge answers with an error. On shutdown a router takes no
//! more requests, finishes those in flight, and leaves the rest to the other routers.

pub mod backends;
pub mod handlers;
pub mod metrics;
pub mod notices;
pub mod options;
pub mod placement;
pub mod proxy_record;
pub mod reaper;
pub mod replies;
pub mod worker;

pub use options::Options;

use backends::BackendCache;
use bus::topic::Queue;
use futures_util::future::try_join_all;
use service::Context;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Why a router stopped early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a task of the router panicked: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Handles requests until shutdown.
///
/// # Errors
/// When one of its tasks panics.
pub async fn run(options: Options, context: Context) -> Result<(), Error> {
    metrics::describe();
    context.health.set_unready("backends", "not looked up yet");
    let backends = Arc::new(BackendCache::new(options.server_select));
    let mut background = JoinSet::new();
    background.spawn(backends.clone().run(context.clone()));
    background.spawn(reaper::run(context.clone()));
    background.spawn(proxy_record::run(context.clone()));
    background.spawn(notices::subscribe(context.clone(), backends.clone(), options.canary.interval()));
    let spawn_worker = |queue| tokio::spawn(worker::run(queue, context.clone(), backends.clone()));
    let workers: Vec<_> = Queue::all_requests().map(spawn_worker).collect();
    let outcome = tokio::select! {
        biased;
        outcome = try_join_all(workers) => outcome.map(drop),
        Some(Err(panicked)) = background.join_next() => Err(panicked),
    };
    background.shutdown().await;
    reaper::release_lease(&context).await;
    Ok(outcome?)
}
