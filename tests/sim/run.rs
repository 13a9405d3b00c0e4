//! Runs seeds, each in a runtime and on a thread of its own, and says which failed.

use super::story::all_faults;
use super::trace::{Trace, with_logs};
use super::world::Simulation;
use std::any::Any;
use std::cell::RefCell;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use tokio::time::Instant;

/// When a rehearsal begins: the first of January 2030, in milliseconds.
const MORNING: u64 = 1_893_456_000_000;
/// How many steps a story has, at least and more.
const STEPS: (usize, usize) = (40, 80);

/// What came of a seed.
pub struct RunOutcome {
    /// All that happened.
    pub lines: Vec<String>,
    /// What was wrong.
    pub failure: Option<String>,
}

thread_local! {
    /// The first panic on this thread, also one that a task of a service had.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Tells the story of a seed, with what services log if wanted.
pub fn run(seed: u64, logs: bool) -> RunOutcome {
    notice_panics();
    thread::spawn(move || {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let told = lines.clone();
        let ended = panic::catch_unwind(AssertUnwindSafe(|| story(seed, logs, told)));
        let failure = PANIC.take().or(ended.err().map(|_| "it panicked".to_owned()));
        let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(|broken| broken.into_inner()));
        RunOutcome { lines, failure }
    })
    .join()
    .unwrap()
}

fn story(seed: u64, logs: bool, lines: Arc<Mutex<Vec<String>>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let start = Instant::now();
        common::entropy::simulate(seed, move || MORNING + start.elapsed().as_millis() as u64);
        let trace = Trace::new(lines);
        let _logs = logs.then(|| with_logs(&trace));
        let mut world = Simulation::new(seed, trace).await;
        let troubles = all_faults(world.people.len());
        let steps = STEPS.0 + world.dice.below(STEPS.1);
        world.play(steps, &troubles).await;
        world.ends().await;
    });
}

/// A panic is kept for the thread it happened on, for tokio hides those of tasks.
fn notice_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let payload: &dyn Any = info.payload();
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or(payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let said = format!("{} ({place})", text.unwrap_or_default());
            PANIC.with_borrow_mut(|first| _ = first.get_or_insert(said));
            if thread::current().name().is_some() {
                usual(info);
            }
        }));
    });
}

/// Runs many seeds on all processors.
pub fn run_all(seeds: Range<u64>) {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end) {
            if let Some(failure) = run(seed, false).failure {
                println!("seed {seed}: {failure}\n    make sim SEED={seed}");
                failed.lock().unwrap().push(seed);
            }
        }
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        (0..processors).for_each(|_| _ = scope.spawn(work));
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} seeds failed: {failed:?}", failed.len(), seeds.end - seeds.start);
}
