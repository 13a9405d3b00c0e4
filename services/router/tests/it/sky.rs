//! Weather for routers: one that dies at a step of its work, one that is slow.

use common::fault::{BoxFuture, FaultInjector, FaultPlan};
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// What a router does beside its requests.
const BESIDE: [&str; 5] = ["backends", "acquire_lease", "stale_edges", "release_lease", "renew_proxy"];

/// A router that dies at one step of its requests: each is two, the way to the store and the way back.
pub struct Death {
    steps: AtomicU64,
    at: u64,
}

impl Death {
    pub fn at(step: u64) -> Arc<Self> {
        Arc::new(Self { steps: AtomicU64::new(0), at: step })
    }

    pub fn came(&self) -> bool {
        self.steps.load(Ordering::SeqCst) > self.at
    }

    fn walk(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        if !BESIDE.contains(&step) {
            self.steps.fetch_add(1, Ordering::SeqCst);
        }
        if self.came() { Box::pin(pending()) } else { Box::pin(ready(Ok(()))) }
    }
}

impl FaultPlan for Death {
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        self.walk(step)
    }

    fn after(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        self.walk(step)
    }

    fn before_read(&self) -> BoxFuture<()> {
        if self.came() { Box::pin(pending()) } else { Box::pin(ready(())) }
    }

    fn drops(&self, _: &'static str) -> bool {
        self.came()
    }
}

/// A router whose steps take up to 100 ms each way, by chance but each time the same.
pub struct Slow {
    state: AtomicU64,
}

impl Slow {
    pub fn by(seed: u64) -> FaultInjector {
        FaultInjector::new(Arc::new(Self {
            state: AtomicU64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        }))
    }

    fn walk(&self) -> BoxFuture<Result<(), String>> {
        let state = self.state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        let millis = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 57;
        Box::pin(async move {
            sleep(Duration::from_millis(millis)).await;
            Ok(())
        })
    }
}

impl FaultPlan for Slow {
    fn before(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        self.walk()
    }

    fn after(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        self.walk()
    }

    fn before_read(&self) -> BoxFuture<()> {
        Box::pin(ready(()))
    }

    fn drops(&self, _: &'static str) -> bool {
        false
    }
}

/// A store that never answers.
pub struct Silent;

impl FaultPlan for Silent {
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        if BESIDE.contains(&step) { Box::pin(ready(Ok(()))) } else { Box::pin(pending()) }
    }

    fn after(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        Box::pin(ready(Ok(())))
    }

    fn before_read(&self) -> BoxFuture<()> {
        Box::pin(ready(()))
    }

    fn drops(&self, _: &'static str) -> bool {
        false
    }
}
