//! What a store within the process lets happen to it, so that a rehearsal (`tests/sim/`) can do to
//! services what a network and a Redis would: wait, fail before or after it was done, fall silent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What a [`Sky`] answers with: when it is ready, it goes on.
pub type Passing<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who makes the weather.
pub trait Sky: Send + Sync {
    /// On the way to the store: an error says that nothing was done.
    fn there(&self, step: &'static str) -> Passing<Result<(), String>>;

    /// On the way back: an error hides that it was done.
    fn back(&self, step: &'static str) -> Passing<Result<(), String>>;

    /// Before a reader takes what comes next; readers never fail.
    fn reading(&self) -> Passing<()>;

    /// Whether something that is said in the background, and that may be lost, is lost.
    fn loses(&self, step: &'static str) -> bool;
}

/// The weather of one service; always fair outside of rehearsals.
#[derive(Clone, Default)]
pub struct Weather(Option<Arc<dyn Sky>>);

impl Weather {
    /// As that sky will have it.
    pub fn of(sky: Arc<dyn Sky>) -> Self {
        Self(Some(sky))
    }

    /// Does a step of the store's work.
    ///
    /// # Errors
    /// When it failed, before or after it was done.
    pub async fn step<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Result<T, String> {
        let Some(sky) = &self.0 else { return Ok(work()) };
        sky.there(step).await?;
        let done = work();
        sky.back(step).await?;
        Ok(done)
    }

    /// Waits until something may be read.
    pub async fn reading(&self) {
        if let Some(sky) = &self.0 {
            sky.reading().await;
        }
    }

    /// Whether something that may be lost is lost.
    pub fn loses(&self, step: &'static str) -> bool {
        self.0.as_ref().is_some_and(|sky| sky.loses(step))
    }
}
