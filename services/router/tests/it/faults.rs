//! Faults of routers: one that crashes at a step of its work, a slow store, a store that hangs.

use common::fault::{BoxFuture, FaultInjector, FaultPlan};
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// Steps of a router that belong to no request.
const BACKGROUND_STEPS: [&str; 6] =
    ["router_heartbeat", "backends", "acquire_lease", "stale_edges", "release_lease", "renew_proxy"];

/// Crashes a router at one step of its requests. Each access to the store is two steps, before and after it.
pub struct CrashAtStep {
    steps: AtomicU64,
    at: u64,
}

impl CrashAtStep {
    pub fn new(step: u64) -> Arc<Self> {
        Arc::new(Self { steps: AtomicU64::new(0), at: step })
    }

    pub fn has_crashed(&self) -> bool {
        self.steps.load(Ordering::SeqCst) > self.at
    }

    fn take_step(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        if !BACKGROUND_STEPS.contains(&step) {
            self.steps.fetch_add(1, Ordering::SeqCst);
        }
        if self.has_crashed() { Box::pin(pending()) } else { Box::pin(ready(Ok(()))) }
    }
}

impl FaultPlan for CrashAtStep {
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        self.take_step(step)
    }

    fn after(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        self.take_step(step)
    }

    fn before_read(&self) -> BoxFuture<()> {
        if self.has_crashed() { Box::pin(pending()) } else { Box::pin(ready(())) }
    }

    fn drops(&self, _: &'static str) -> bool {
        self.has_crashed()
    }
}

/// Refuses heartbeats, as a Redis without memory does. It still answers reads and renews leases.
pub struct NoHeartbeats;

impl FaultPlan for NoHeartbeats {
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        let is_refused = step == "router_heartbeat";
        Box::pin(ready(if is_refused { Err("OOM command not allowed".to_owned()) } else { Ok(()) }))
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

/// Delays each step by up to 100 ms, pseudo-randomly from a seed.
pub struct SlowStore {
    state: AtomicU64,
}

impl SlowStore {
    pub fn injector(seed: u64) -> FaultInjector {
        FaultInjector::new(Arc::new(Self {
            state: AtomicU64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        }))
    }

    fn delay(&self) -> BoxFuture<Result<(), String>> {
        let state = self.state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        let millis = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 57;
        Box::pin(async move {
            sleep(Duration::from_millis(millis)).await;
            Ok(())
        })
    }
}

impl FaultPlan for SlowStore {
    fn before(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        self.delay()
    }

    fn after(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        self.delay()
    }

    fn before_read(&self) -> BoxFuture<()> {
        Box::pin(ready(()))
    }

    fn drops(&self, _: &'static str) -> bool {
        false
    }
}

/// Never lets an access begin.
pub struct HungStore;

impl FaultPlan for HungStore {
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        if BACKGROUND_STEPS.contains(&step) { Box::pin(ready(Ok(()))) } else { Box::pin(pending()) }
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
