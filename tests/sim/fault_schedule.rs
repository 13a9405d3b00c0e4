//! The fault schedule of one service, which affects its access to the bus and the directory.
//!
//! | state | what its steps do |
//! |---|---|
//! | up | continue, sometimes delayed; with error rates set, one may fail before or after it was done |
//! | frozen | wait until the service is thawed |
//! | dead | never return, so that the remaining tasks of the service have no effect |
//!
//! The store can be unreachable for all services. Then steps fail, and readers wait.

use common::fault::{BoxFuture, FaultInjector, FaultPlan};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::Gate;
use testkit::Rng;
use tokio::time::sleep;

/// The rates of random failures.
#[derive(Clone, Copy)]
pub struct ErrorRates {
    /// One step in this many fails. 0 means none.
    pub failure_one_in: usize,
    /// One acknowledgement in this many is lost. 0 means none.
    pub lost_ack_one_in: usize,
}

/// The fault schedule of one service. Clones share it.
#[derive(Clone)]
pub struct FaultSchedule(Arc<Inner>);

struct Inner {
    /// Closed while the service is frozen, and permanently once it is dead.
    gate: Gate,
    dead: AtomicBool,
    /// Closed while the store is unreachable.
    store: Arc<Gate>,
    rates: ErrorRates,
    rng: Mutex<Rng>,
}

/// The longest random delay of a step.
pub const MAX_DELAY: Duration = Duration::from_millis(4);
/// The delay until an unreachable store is reported.
const UNREACHABLE_DELAY: Duration = Duration::from_millis(20);

impl FaultSchedule {
    /// A schedule without active faults.
    pub fn new(store: Arc<Gate>, rates: ErrorRates, rng: Rng) -> Self {
        let (gate, dead) = Default::default();
        Self(Arc::new(Inner { gate, dead, store, rates, rng: Mutex::new(rng) }))
    }

    /// The fault injector for the bus and the directory.
    pub fn injector(&self) -> FaultInjector {
        FaultInjector::new(Arc::new(self.clone()))
    }

    /// Freezes or thaws the service. A dead service stays frozen.
    pub fn freeze(&self, freeze: bool) {
        self.0.gate.set_closed(freeze || self.0.is_dead());
    }

    /// Marks the service as dead.
    pub fn die(&self) {
        self.0.dead.store(true, Ordering::SeqCst);
        self.0.gate.set_closed(true);
    }

    /// Waits until the service is up.
    pub fn up(&self) -> BoxFuture<()> {
        let inner = self.0.clone();
        Box::pin(async move { inner.up().await })
    }
}

impl Inner {
    async fn up(&self) {
        self.gate.wait_open().await;
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn draw(&self, one_in: usize) -> bool {
        one_in > 0 && self.rng.lock().unwrap().one_in(one_in)
    }

    async fn step(&self) -> Result<(), String> {
        self.up().await;
        if self.draw(6) {
            let time = MAX_DELAY.mul_f64(self.rng.lock().unwrap().below(5) as f64 / 4.0);
            sleep(time).await;
            self.up().await;
        }
        if self.store.is_closed() {
            sleep(UNREACHABLE_DELAY).await;
            return Err("the store is unreachable".to_owned());
        }
        if self.draw(self.rates.failure_one_in) { Err("injected failure".to_owned()) } else { Ok(()) }
    }
}

impl FaultPlan for FaultSchedule {
    fn before(&self, _step: &'static str) -> BoxFuture<Result<(), String>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.step().await })
    }

    fn after(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        self.before(step)
    }

    fn before_read(&self) -> BoxFuture<()> {
        let inner = self.0.clone();
        Box::pin(async move {
            inner.up().await;
            inner.store.wait_open().await;
        })
    }

    fn drops(&self, step: &'static str) -> bool {
        // A later acknowledgement of the mailbox covers this one.
        let is_lost_ack = step == "ack" && self.0.draw(self.0.rates.lost_ack_one_in);
        is_lost_ack || self.0.is_dead()
    }
}
