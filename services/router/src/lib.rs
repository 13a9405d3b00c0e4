//! The router decides who owns a name, whether a callee is free, and on which backend a call is placed.
//!
//! A [`worker`] takes a request from a shard of the `requests` queue. Its function in [`handlers`] reads the
//! directory and changes it in atomic steps. Then it sends the result to the client's edge ([`replies`]) or
//! posts the call to a backend's mailbox.
//!
//! A router keeps no state that a restart would lose: any router can handle any request, and finish one that
//! another router started. While the directory or the bus is unavailable, a request fails and is redelivered
//! to any router. After its deadline the client's edge answers with an error. On shutdown a router takes no
//! more requests, finishes those in flight, and leaves the rest to the other routers.

pub mod backends;
pub mod background;
pub mod ejection;
/// One handler for each kind of request. A request may be handled twice, or in part and then again by another
/// router; the final state is the same.
pub mod handlers {
    pub mod call;
    pub mod end;
    pub mod error;
    pub mod invite;
    pub mod names;
    pub mod register;

    pub use error::{HandlerError, RequestError};
}
pub mod lists;
pub mod metrics;
pub mod name_policy;
pub mod placement;
pub mod reaper;
pub mod replies;
pub mod worker;

use backends::BackendCache;
use bus::topic::Queue;
use clap::Args;
use futures_util::future::try_join_all;
use name_policy::{NameOptions, NamePolicy};
use placement::Policy;
use service::Context;
use service::options::CanaryOptions;
use std::sync::Arc;
use tokio::task::JoinSet;

#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How the Janus server of a call is chosen: rr (round robin), rand (at random), lb (fewest calls), wr
    /// (at random, weighted by load) or p2c (the less loaded of two chosen at random)
    #[arg(long, env = "SWITCHBOARD_SERVER_SELECT", value_name = "POLICY", default_value = "p2c")]
    pub server_select: Policy,

    #[command(flatten)]
    pub names: NameOptions,

    #[command(flatten)]
    pub canary: CanaryOptions,
}

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
    let mut background_tasks = JoinSet::new();
    background_tasks.spawn(backends.clone().run(context.clone()));
    background_tasks.spawn(reaper::run(context.clone()));
    background_tasks.spawn(background::renew_proxy_record(context.clone()));
    let canary_interval = options.canary.interval();
    background_tasks.spawn(background::receive_notices(context.clone(), backends.clone(), canary_interval));
    let name_policy = Arc::new(NamePolicy::from(options.names));
    let spawn_worker =
        |queue| tokio::spawn(worker::run(queue, context.clone(), backends.clone(), name_policy.clone()));
    let workers: Vec<_> = Queue::all_requests().map(spawn_worker).collect();
    let outcome = tokio::select! {
        biased;
        outcome = try_join_all(workers) => outcome.map(drop),
        Some(Err(panicked)) = background_tasks.join_next() => Err(panicked),
    };
    background_tasks.shutdown().await;
    reaper::release_lease(&context).await;
    Ok(outcome?)
}
