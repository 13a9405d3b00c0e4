//! Background tasks that end together.

use std::future::Future;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
