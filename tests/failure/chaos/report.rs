//! The results of a run: counts and violations.

use crate::fixture::redis_connection;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Shared by all pairs.
pub struct Report {
    redis: String,
    counts: Mutex<Counts>,
}

struct Counts {
    started: Instant,
    calls: usize,
    last_call: Instant,
    longest_gap: Duration,
    claims: Vec<Duration>,
    errors: BTreeMap<String, usize>,
    faults: Vec<String>,
    violated: Vec<String>,
}

impl Report {
    /// Empty results for the cluster on that Redis.
    pub fn new(redis: &str) -> Self {
        let counts = Counts {
            started: Instant::now(),
            calls: 0,
            last_call: Instant::now(),
            longest_gap: Duration::ZERO,
            claims: Vec::new(),
            errors: BTreeMap::new(),
            faults: Vec::new(),
            violated: Vec::new(),
        };
        Self { redis: redis.to_owned(), counts: Mutex::new(counts) }
    }

    /// The directory's record of a session at this moment.
    pub async fn record_of(&self, session: u64) -> String {
        let mut redis = redis_connection(&self.redis).await;
        let key = format!("sb:session:{session}");
        let fields = ["edge", "away", "grace"];
        let found: Vec<Option<String>> =
            redis::cmd("HMGET").arg(key).arg(&fields).query_async(&mut redis).await.unwrap();
        format!("{fields:?} are {found:?}")
    }

    async fn fields_of(&self, key: &str) -> BTreeMap<String, String> {
        let mut redis = redis_connection(&self.redis).await;
        redis::cmd("HGETALL").arg(key).query_async(&mut redis).await.unwrap()
    }

    /// The directory's records of a handle and of its call at this moment.
    pub async fn record_of_handle(&self, session: u64, handle: u64) -> String {
        let record = self.fields_of(&format!("sb:handle:{session}:{handle}")).await;
        let call = match record.get("call") {
            Some(call) => self.fields_of(&format!("sb:call:{call}")).await,
            None => BTreeMap::new(),
        };
        format!("{record:?}, its call {call:?}")
    }

    /// A call was answered and has ended on both sides.
    pub fn called(&self) {
        let mut counts = self.counts();
        counts.calls += 1;
        counts.longest_gap = counts.longest_gap.max(counts.last_call.elapsed());
        counts.last_call = Instant::now();
    }

    pub fn claimed(&self, took: Duration) {
        self.counts().claims.push(took);
    }

    /// A request was refused with an error.
    pub fn error(&self, code: u64, what: &str) {
        *self.counts().errors.entry(format!("{what} {code}")).or_default() += 1;
    }

    /// Counts an event that violates no guarantee, such as a call that failed or ended early.
    pub fn note(&self, what: &str) {
        *self.counts().errors.entry(what.to_owned()).or_default() += 1;
    }

    /// A guarantee was violated.
    pub fn violated(&self, what: &str) {
        let mut counts = self.counts();
        let at = counts.started.elapsed().as_secs_f32();
        counts.violated.push(format!("after {at:.1} s: {what}"));
    }

    /// The violations so far.
    pub fn violations(&self) -> Vec<String> {
        self.counts().violated.clone()
    }

    /// A process was killed, stopped or frozen.
    pub fn fault(&self, what: &str) {
        let mut counts = self.counts();
        let at = counts.started.elapsed().as_secs_f32();
        counts.faults.push(format!("{at:.1} s {what}"));
    }

    pub fn calls(&self) -> usize {
        self.counts().calls
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        let slowest = counts.claims.iter().max().copied().unwrap_or_default();
        writeln!(f, "failure: chaos: calls: {}", counts.calls)?;
        writeln!(f, "failure: chaos: longest time without one: {} ms", counts.longest_gap.as_millis())?;
        writeln!(
            f,
            "failure: chaos: claims: {}, the slowest {} ms",
            counts.claims.len(),
            slowest.as_millis()
        )?;
        for (what, count) in &counts.errors {
            writeln!(f, "failure: chaos: {what}: {count}")?;
        }
        writeln!(f, "failure: chaos: guarantees violated: {}", counts.violated.len())?;
        write!(f, "failure: chaos: faults: {}", counts.faults.join(", "))
    }
}
