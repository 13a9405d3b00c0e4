//! Runs seeds, each in its own runtime and thread, and reports those that fail.

use super::scenario::all_faults;
use super::simulation::Simulation;
use super::trace::{Trace, with_logs};
use std::any::Any;
use std::cell::RefCell;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use tokio::time::Instant;

/// The start of simulated time: 1 January 2030, in milliseconds.
const START: u64 = 1_893_456_000_000;
/// The minimum number of steps, and the range above it.
const STEPS: (usize, usize) = (40, 80);

/// The outcome of a seed.
pub struct RunOutcome {
    pub lines: Vec<String>,
    /// The violated guarantee.
    pub failure: Option<String>,
}

thread_local! {
    /// The first panic on this thread, including panics in tasks of a service.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a seed, with the logs of services if wanted.
pub fn run(seed: u64, logs: bool) -> RunOutcome {
    record_panics();
    thread::spawn(move || {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = lines.clone();
        let ended = panic::catch_unwind(AssertUnwindSafe(|| simulate(seed, logs, written)));
        let failure = PANIC.take().or(ended.err().map(|_| "it panicked".to_owned()));
        let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(|broken| broken.into_inner()));
        RunOutcome { lines, failure }
    })
    .join()
    .unwrap()
}

fn simulate(seed: u64, logs: bool, lines: Arc<Mutex<Vec<String>>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let start = Instant::now();
        common::entropy::simulate(seed, move || START + start.elapsed().as_millis() as u64);
        let trace = Trace::new(lines);
        let _logs = logs.then(|| with_logs(&trace));
        let mut simulation = Simulation::new(seed, trace).await;
        let faults = all_faults(simulation.clients.len());
        let steps = STEPS.0 + simulation.rng.below(STEPS.1);
        simulation.play(steps, &faults).await;
        simulation.finish().await;
    });
}

/// Records a panic for its thread, since tokio catches panics in tasks.
fn record_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default_hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let payload: &dyn Any = info.payload();
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or(payload.downcast_ref::<&str>().map(|literal| (*literal).to_owned()));
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let message = format!("{} ({place})", text.unwrap_or_default());
            PANIC.with_borrow_mut(|first| _ = first.get_or_insert(message));
            if thread::current().name().is_some() {
                default_hook(info);
            }
        }));
    });
}

/// Runs many seeds on all processors.
pub fn run_all(seeds: Range<u64>) {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let worker = || {
        while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end) {
            if let Some(failure) = run(seed, false).failure {
                println!("seed {seed}: {failure}\n    make sim SEED={seed}");
                failed.lock().unwrap().push(seed);
            }
        }
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        (0..processors).for_each(|_| _ = scope.spawn(worker));
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} seeds failed: {failed:?}", failed.len(), seeds.end - seeds.start);
}
