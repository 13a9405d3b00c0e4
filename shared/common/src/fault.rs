//! Fault injection into the in-memory bus and directory, for simulations (`tests/sim/`).
//!
//! A [`FaultPlan`] simulates the faults of a network and of Redis. It can delay a step, fail it before or after it
//! took effect, or stall a reader.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future without a lifetime.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Decides whether each step of a bus or directory fails. A future that is pending delays the step.
pub trait FaultPlan: Send + Sync {
    /// Called before a step. With an error the step does not take place.
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>>;

    /// Called after a step. An error hides that the step took place.
    fn after(&self, step: &'static str) -> BoxFuture<Result<(), String>>;

    /// Called before a reader takes its next message. Readers cannot fail.
    fn before_read(&self) -> BoxFuture<()>;

    /// Returns whether a message without delivery guarantee is lost.
    fn drops(&self, step: &'static str) -> bool;
}

/// The faults of one service: none, outside of simulations.
#[derive(Clone, Default)]
pub struct FaultInjector(Option<Arc<dyn FaultPlan>>);

impl FaultInjector {
    /// Injects the faults of `plan`.
    pub fn new(plan: Arc<dyn FaultPlan>) -> Self {
        Self(Some(plan))
    }

    /// Runs a step of a bus or directory.
    ///
    /// # Errors
    /// As planned, before or after the step took place.
    pub async fn run<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Result<T, String> {
        let Some(plan) = &self.0 else { return Ok(work()) };
        plan.before(step).await?;
        let done = work();
        plan.after(step).await?;
        Ok(done)
    }

    /// Waits until a reader may take its next message.
    pub async fn before_read(&self) {
        if let Some(plan) = &self.0 {
            plan.before_read().await;
        }
    }

    /// Returns whether a message without delivery guarantee is lost.
    pub fn drops(&self, step: &'static str) -> bool {
        self.0.as_ref().is_some_and(|plan| plan.drops(step))
    }
}
