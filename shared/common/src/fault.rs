//! What a store within the process lets happen to it, so that a rehearsal (`tests/sim/`) can do to
//! services what a network and a Redis would: wait, fail before or after it was done, fall silent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What a [`Sky`] answers with: when it is ready, it goes on.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who makes the weather.
pub trait FaultPlan: Send + Sync {
    /// On the way to the store: an error says that nothing was done.
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>>;

    /// On the way back: an error hides that it was done.
    fn after(&self, step: &'static str) -> BoxFuture<Result<(), String>>;

    /// Before a reader takes what comes next; readers never fail.
    fn reading(&self) -> BoxFuture<()>;

    /// Whether something that is said in the background, and that may be lost, is lost.
    fn drops(&self, step: &'static str) -> bool;
}

/// The weather of one service; always fair outside of rehearsals.
#[derive(Clone, Default)]
pub struct FaultInjector(Option<Arc<dyn FaultPlan>>);

impl FaultInjector {
    /// As that sky will have it.
    pub fn new(sky: Arc<dyn FaultPlan>) -> Self {
        Self(Some(sky))
    }

    /// Does a step of the store's work.
    ///
    /// # Errors
    /// When it failed, before or after it was done.
    pub async fn run<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Result<T, String> {
        let Some(sky) = &self.0 else { return Ok(work()) };
        sky.before(step).await?;
        let done = work();
        sky.after(step).await?;
        Ok(done)
    }

    /// Waits until something may be read.
    pub async fn reading(&self) {
        if let Some(sky) = &self.0 {
            sky.reading().await;
        }
    }

    /// Whether something that may be lost is lost.
    pub fn drops(&self, step: &'static str) -> bool {
        self.0.as_ref().is_some_and(|sky| sky.drops(step))
    }
}
