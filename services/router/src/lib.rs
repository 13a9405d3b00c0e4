//! The router: decides. Who owns a name, is the callee free, on which backend the call goes. All it
//! knows is in the directory; any router can do any request, and finish what another began.
//!
//! The way of a request: [`worker`] takes it from the queue → its file in [`verbs`] looks into the
//! directory, changes it in atomic steps, and either tells the client's edge ([`answer`]) or hands
//! the call to a backend's mailbox.
//!
//! | file | holds |
//! |---|---|
//! | [`options`] | what an operator can set |
//! | [`worker`] | requests from the queue, many at a time |
//! | [`verbs`] | register, call, invite, exists, list, release, restore, end |
//! | [`placement`] | the choice of a backend: pure |
//! | [`backends`] | the backends to choose from |
//! | [`backend_url`] | whether two URLs are of the same backend: pure |
//! | [`proxy`] | our names are kept alive for peers |
//! | [`answer`] | what clients are told |
//! | [`notices`] | what it hears of others |
//! | [`reaper`] | what the dead left is given back |
//! | [`numbers`] | what is counted and measured |
//!
//! How it fails: a request that cannot be done now (the directory is away) is delivered again, to
//! any router; its client gets an error from its edge when the deadline is over. When it stops it
//! takes nothing new, finishes what it has begun, and leaves the rest to the others.

pub mod answer;
pub mod backend_url;
pub mod backends;
pub mod notices;
pub mod numbers;
pub mod options;
pub mod placement;
pub mod proxy;
pub mod reaper;
pub mod verbs;
pub mod worker;

pub use options::Options;

use backends::BackendCache;
use bus::topic::Queue;
use futures_util::future::try_join_all;
use service::Context;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Why a router cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of it ended that must not.
    #[error("a part of the router failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Does requests until shutdown.
///
/// # Errors
/// When a part of it panics.
pub async fn run(options: Options, context: Context) -> Result<(), Error> {
    numbers::describe();
    context.health.bad("backends", "not looked up yet");
    let backends = Arc::new(BackendCache::new(options.server_select));
    let mut background = JoinSet::new();
    background.spawn(backends.clone().run(context.clone()));
    background.spawn(reaper::run(context.clone()));
    background.spawn(proxy::run(context.clone()));
    background.spawn(notices::subscribe(context.clone(), backends.clone(), options.canary.interval()));
    let work = |queue| tokio::spawn(worker::run(queue, context.clone(), backends.clone()));
    let workers: Vec<_> = Queue::all_requests().map(work).collect();
    let outcome = tokio::select! {
        biased;
        outcome = try_join_all(workers) => outcome.map(drop),
        Some(Err(panicked)) = background.join_next() => Err(panicked),
    };
    background.shutdown().await;
    reaper::release_lease(&context).await;
    Ok(outcome?)
}
