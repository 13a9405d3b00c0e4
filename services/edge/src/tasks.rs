//! The tasks of an edge. They end when it does, however that comes about.

use std::future::Future;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All tasks of an edge; clones share it.
#[derive(Clone, Default)]
pub struct TaskGroup {
    tasks: TaskTracker,
    aborted: CancellationToken,
}

impl TaskGroup {
    /// A task that runs until it is done, or the crew is dismissed.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // A token of its own, so that tasks do not wait for each other's looks at it.
        let dismissed = self.aborted.child_token();
        // Else it is there twice: where it came from, and where it is run.
        let task = Box::pin(task);
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = dismissed.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Waits until every task is done.
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Every task stops where it stands.
    pub fn abort_all(&self) {
        self.aborted.cancel();
    }
}
