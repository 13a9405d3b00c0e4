//! The state that the handlers share.

use super::history::History;
use super::problem::Problem;
use crate::auth::OperatorAuth;
use axum::body::Bytes;
use bus::Bus;
use directory::Directory;
use service::{CancellationToken, Context};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

/// How many clients may read `/cluster/events` at once.
const MAX_SUBSCRIBERS: usize = 64;
/// How many requests for the entries of a stream may be in flight, each with a connection to Redis.
const MAX_WATCHERS: usize = 16;

#[derive(Clone)]
pub(super) struct ApiState {
    pub bus: Bus,
    pub directory: Directory,
    pub auth: OperatorAuth,
    pub cluster: Arc<Mutex<ClusterCache>>,
    pub subscribers: Arc<Semaphore>,
    pub watchers: Arc<Semaphore>,
    pub shutdown: CancellationToken,
}

/// The last response of `/cluster`, and what was learned from those before.
#[derive(Default)]
pub(super) struct ClusterCache {
    pub history: History,
    /// When the response was made; a problem is kept like any other.
    pub last: Option<(Instant, Result<Bytes, Problem>)>,
}

impl ApiState {
    pub fn new(auth: OperatorAuth, context: &Context) -> Self {
        Self {
            bus: context.bus.clone(),
            directory: context.directory.clone(),
            auth,
            cluster: Arc::default(),
            subscribers: Arc::new(Semaphore::new(MAX_SUBSCRIBERS)),
            watchers: Arc::new(Semaphore::new(MAX_WATCHERS)),
            shutdown: context.shutdown.clone(),
        }
    }
}
