//! The weather of one service: what happens to it on the way to the bus and the directory.
//!
//! | mood | what its steps do |
//! |---|---|
//! | up | go on, now and then later; in a rough climate one may fail, before or after it was done |
//! | frozen | wait until it thaws |
//! | dead | never come back, so that whatever is left of the service does nothing any more |
//!
//! The store can be away for all: then steps fail and readers wait.

use super::dice::Rng;
use common::fault::{BoxFuture, FaultInjector, FaultPlan};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::Gate;
use tokio::time::sleep;

/// How often things go wrong by themselves.
#[derive(Clone, Copy)]
pub struct Rough {
    /// One step in so many fails; none if 0.
    pub fails: usize,
    /// One acknowledgement in so many is lost; none if 0.
    pub loses: usize,
}

/// The climate that one service lives in; clones share it.
#[derive(Clone)]
pub struct FaultSchedule(Arc<Inner>);

struct Inner {
    /// Closed while the service is frozen, and for ever once it is dead.
    gate: Gate,
    dead: AtomicBool,
    /// The way to the store.
    store: Arc<Gate>,
    rough: Rough,
    dice: Mutex<Rng>,
}

/// The longest time a step takes by itself.
pub const SLOWEST: Duration = Duration::from_millis(4);
/// How long it takes to find out that the store is away.
const REFUSED: Duration = Duration::from_millis(20);

impl FaultSchedule {
    /// A fair day.
    pub fn new(store: Arc<Gate>, rough: Rough, dice: Rng) -> Self {
        let (gate, dead) = Default::default();
        Self(Arc::new(Inner { gate, dead, store, rough, dice: Mutex::new(dice) }))
    }

    /// As the stores want it.
    pub fn injector(&self) -> FaultInjector {
        FaultInjector::new(Arc::new(self.clone()))
    }

    /// The service is frozen or goes on; the dead do not.
    pub fn freeze(&self, freeze: bool) {
        self.0.gate.set_closed(freeze || self.0.is_dead());
    }

    /// The service is dead.
    pub fn dies(&self) {
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

    fn throw(&self, one_in: usize) -> bool {
        one_in > 0 && self.dice.lock().unwrap().one_in(one_in)
    }

    async fn passes(&self) -> Result<(), String> {
        self.up().await;
        if self.throw(6) {
            let time = SLOWEST.mul_f64(self.dice.lock().unwrap().below(5) as f64 / 4.0);
            sleep(time).await;
            self.up().await;
        }
        if self.store.is_closed() {
            sleep(REFUSED).await;
            return Err("the store is away".to_owned());
        }
        match self.throw(self.rough.fails) {
            true => Err("lost on the way".to_owned()),
            false => Ok(()),
        }
    }
}

impl FaultPlan for FaultSchedule {
    fn before(&self, _step: &'static str) -> BoxFuture<Result<(), String>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.passes().await })
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
        // What a mailbox's owner is done with is said again with the next that it is done with.
        let again = step == "done" && self.0.throw(self.0.rough.loses);
        again || self.0.is_dead()
    }
}
