//! What the handlers share: their state, and the deadline of an operation. Services do not confirm what operators
//! request, so an operation polls until another service has completed it.

use super::history::History;
use super::problem::Problem;
use crate::auth::OperatorAuth;
use axum::body::Bytes;
use bus::Bus;
use directory::Directory;
use service::connection_limits::AddressLimit;
use service::{CancellationToken, Context};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep};

/// How many clients may read `/cluster/events` at once.
const MAX_SUBSCRIBERS: usize = 64;
/// How many of them may have the same address.
const MAX_SUBSCRIBERS_OF_ADDRESS: usize = 32;
/// How many requests for the entries of a stream may be in flight, each with a connection to Redis.
const MAX_WATCHERS: usize = 16;
/// How long an operation may take.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl ApiState {
    /// Returns how many records these lists of the directory left out when they were read last.
    pub fn malformed(&self, lists: &[&str]) -> usize {
        let all = self.directory.malformed_records();
        all.iter().filter(|(list, _)| lists.contains(list)).map(|(_, count)| count).sum()
    }
}

#[derive(Clone)]
pub(super) struct ApiState {
    pub bus: Bus,
    pub directory: Directory,
    pub auth: OperatorAuth,
    pub cluster: Arc<Mutex<ClusterCache>>,
    pub subscribers: Arc<Semaphore>,
    pub subscribers_of_address: AddressLimit,
    pub watchers: Arc<Semaphore>,
    pub shutdown: CancellationToken,
}

/// The last response of `/cluster`, and the history of the views before it.
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
            subscribers_of_address: AddressLimit::new(MAX_SUBSCRIBERS_OF_ADDRESS),
            watchers: Arc::new(Semaphore::new(MAX_WATCHERS)),
            shutdown: context.shutdown.clone(),
        }
    }
}

pub(super) struct PollDeadline(Instant);

impl PollDeadline {
    /// Expires after [`OPERATION_TIMEOUT`].
    pub fn new() -> Self {
        Self(Instant::now() + OPERATION_TIMEOUT)
    }

    /// Waits until the next poll; returns a problem with this detail after the deadline.
    pub async fn wait(&self, timeout_detail: &'static str) -> Result<(), Problem> {
        if Instant::now() >= self.0 {
            return Err(Problem::not_done(timeout_detail));
        }
        sleep(POLL_INTERVAL).await;
        Ok(())
    }
}
