//! What every service is started with, and the group its background tasks belong to.

use crate::health::Health;
use bus::Bus;
use common::ServiceId;
use directory::Directory;
use std::future::Future;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The environment of a running service.
#[derive(Clone)]
pub struct Context {
    /// The id of the service in the cluster; new at each start.
    pub id: ServiceId,
    /// Carries messages to the other services.
    pub bus: Bus,
    /// Holds the state that services share.
    pub directory: Directory,
    /// Where the service reports readiness and load.
    pub health: Health,
    /// Cancelled when the service must stop.
    pub shutdown: CancellationToken,
    /// How the service must stop.
    pub shutdown_policy: ShutdownPolicy,
}

/// How a service stops.
#[derive(Clone, Copy, Debug)]
pub struct ShutdownPolicy {
    /// How long the service may take to finish or hand over its work.
    pub timeout: Duration,
    /// Whether other services of its kind can take over its work. If not, the service ends it.
    pub hand_over: bool,
}

/// The tasks of one service. Clones refer to the same tasks.
#[derive(Clone, Default)]
pub struct TaskGroup {
    tasks: TaskTracker,
    aborted: CancellationToken,
}

impl TaskGroup {
    /// Spawns a task, which runs until it is done or [aborted](Self::abort_all).
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // A token for each task: waiters on one token share a lock.
        let aborted = self.aborted.child_token();
        // Without the box the spawned future would hold the task twice: as an argument and as a local.
        let task = Box::pin(task);
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = aborted.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Waits until every task has ended.
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Stops every task at its current `await`.
    pub fn abort_all(&self) {
        self.aborted.cancel();
    }
}
