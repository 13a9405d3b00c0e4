//! How long things take, printed for docs/failure.md and held against what was promised; and what
//! a process uses of the machine meanwhile.

use std::fs;
use std::time::{Duration, Instant};
use testkit::Process;

/// How many ticks of `/proc` make a second on Linux, whatever the machine.
const TICKS: f64 = 100.0;

/// The moment at which something was broken.
pub struct Since {
    event: &'static str,
    begun: Instant,
}

impl Since {
    /// It is broken now.
    pub fn now(event: &'static str) -> Self {
        Self { event, begun: Instant::now() }
    }

    /// `what` has just come about: says how long that took, and fails if it was longer than `promised`.
    pub fn within(&self, promised: Duration, what: &str) {
        let took = self.begun.elapsed();
        println!("failure: {}: {what}: {} ms", self.event, took.as_millis());
        assert!(took <= promised, "{}: {what} took {took:?}, promised was {promised:?}", self.event);
    }

    /// The time since then.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// What a process has used of the processor, and has of the memory now.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    at: Instant,
    processor: f64,
    memory: u64,
}

impl Usage {
    pub fn of(process: &Process) -> Self {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
        // Behind the name, which may hold anything: fields 14 and 15 are the ticks in user and kernel mode.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { at: Instant::now(), processor: ticks / TICKS, memory: kilobytes * 1024 }
    }

    /// The share of one core that it used between an earlier look and this one.
    pub fn processor_since(&self, earlier: &Self) -> f64 {
        (self.processor - earlier.processor) / (self.at - earlier.at).as_secs_f64()
    }

    /// By how many bytes it has grown since an earlier look.
    pub fn grown_since(&self, earlier: &Self) -> u64 {
        self.memory.saturating_sub(earlier.memory)
    }
}
