//! Measures recovery times for docs/failure.md and compares them with the guarantees. Also measures the
//! resources of a process.

use std::fs;
use std::time::{Duration, Instant};
use testkit::Process;

/// Ticks per second in `/proc` on Linux, on any machine.
const TICKS: f64 = 100.0;

/// The moment of a fault.
pub struct Since {
    event: &'static str,
    since: Instant,
}

impl Since {
    /// A fault occurs now.
    pub fn now(event: &'static str) -> Self {
        Self { event, since: Instant::now() }
    }

    /// Prints the time until `what` has happened, and fails if it was longer than `promised`.
    pub fn within(&self, promised: Duration, what: &str) {
        let took = self.since.elapsed();
        println!("failure: {}: {what}: {} ms", self.event, took.as_millis());
        assert!(took <= promised, "{}: {what} took {took:?}, the guarantee is {promised:?}", self.event);
    }

    /// The time since then.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

/// CPU time and resident memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    at: Instant,
    cpu: f64,
    memory: u64,
}

impl Usage {
    pub fn of(process: &Process) -> Self {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
        // After the name, which may hold any character, fields 14 and 15 are the ticks in user and kernel
        // mode.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { at: Instant::now(), cpu: ticks / TICKS, memory: kilobytes * 1024 }
    }

    /// The share of one core used between an earlier reading and this one.
    pub fn cpu_since(&self, earlier: &Self) -> f64 {
        (self.cpu - earlier.cpu) / (self.at - earlier.at).as_secs_f64()
    }

    /// The growth in bytes since an earlier reading.
    pub fn memory_growth_since(&self, earlier: &Self) -> u64 {
        self.memory.saturating_sub(earlier.memory)
    }
}
