//! What a handle keeps until its connector can use it: candidates and settings.
//!
//! A browser finds its candidates within some milliseconds of each other. A message on the bus for each would cost
//! more than the rest of the call. So they wait for a short window and are sent together. While the call rings the
//! window is longer, because the connector holds the caller's candidates until the callee accepts.
//!
//! Settings that a client makes outside a call apply to its next call, as in Janus.

use crate::metrics;
use protocol::Raw;
use protocol::object::LazyObject;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// When the candidates of a handle exceed these bounds, the oldest is dropped.
const MAX_CANDIDATES: usize = 256;
const MAX_CANDIDATE_BYTES: usize = 128 * 1024;
pub const BATCH_WINDOW: Duration = Duration::from_millis(10);
/// The window of a caller's candidates while the call rings.
pub const RINGING_BATCH_WINDOW: Duration = Duration::from_millis(200);
const SETTING_NAMES: [&str; 6] = ["audio", "video", "bitrate", "substream", "temporal", "fallback"];

/// Candidates in the order of arrival.
#[derive(Debug, Default)]
pub struct CandidateBuffer {
    pending: VecDeque<Raw>,
    bytes: usize,
    flush_at: Option<Instant>,
}

impl From<VecDeque<Raw>> for CandidateBuffer {
    fn from(pending: VecDeque<Raw>) -> Self {
        let mut candidates = Self::default();
        pending.into_iter().for_each(|candidate| candidates.push(candidate, MAX_CANDIDATE_BYTES));
        candidates
    }
}

impl CandidateBuffer {
    pub fn pending(&self) -> &VecDeque<Raw> {
        &self.pending
    }

    /// The bytes of the candidates.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a candidate, and drops the oldest while there are too many, or more bytes than `max_bytes`.
    pub fn push(&mut self, candidate: Raw, max_bytes: usize) {
        let max_bytes = max_bytes.min(MAX_CANDIDATE_BYTES);
        self.bytes += candidate.get().len();
        self.pending.push_back(candidate);
        while self.pending.len() > MAX_CANDIDATES || self.bytes > max_bytes {
            let Some(oldest) = self.pending.pop_front() else { break };
            metrics::queue_full(metrics::HANDLE_CANDIDATES);
            self.bytes -= oldest.get().len();
        }
    }

    /// Starts the window, unless it runs already or nothing is pending.
    pub fn start_window(&mut self, now: Instant, window: Duration) {
        if !self.pending.is_empty() && self.flush_at.is_none() {
            self.flush_at = Some(now + window);
        }
    }

    /// Shortens the running window to [`BATCH_WINDOW`].
    pub fn shorten_window(&mut self, now: Instant) {
        if self.flush_at.is_some_and(|at| at > now + BATCH_WINDOW) {
            self.flush_at = Some(now + BATCH_WINDOW);
        }
    }

    /// When the window ends.
    pub fn flush_at(&self) -> Option<Instant> {
        self.flush_at
    }

    pub fn take(&mut self) -> Vec<Raw> {
        std::mem::take(self).pending.into()
    }
}

/// The latest value of each setting.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PendingSettings(BTreeMap<Cow<'static, str>, Raw>);

impl PendingSettings {
    /// Adds the settings of a checked `set` request.
    pub fn merge(&mut self, body: &LazyObject<'_>) {
        for name in SETTING_NAMES {
            if let Some(value) = body.get(name) {
                self.0.insert(name.into(), value.to_owned());
            }
        }
    }

    /// Takes all settings as one `set` request; none without settings.
    pub fn take(&mut self) -> Option<Raw> {
        #[derive(Serialize)]
        struct Set {
            request: &'static str,
            #[serde(flatten)]
            settings: BTreeMap<Cow<'static, str>, serde_json::Value>,
        }
        let read = |(name, raw): (_, Raw)| serde_json::from_str(raw.get()).ok().map(|value| (name, value));
        let settings: BTreeMap<_, _> = std::mem::take(&mut self.0).into_iter().filter_map(read).collect();
        (!settings.is_empty()).then(|| protocol::raw(&Set { request: "set", settings }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str) -> Raw {
        protocol::raw(&text)
    }

    #[test]
    fn candidates_are_taken_together_in_order() {
        let mut candidates = CandidateBuffer::default();
        let now = Instant::now();
        candidates.start_window(now, BATCH_WINDOW);
        assert_eq!(candidates.flush_at(), None);
        candidates.push(candidate("a"), usize::MAX);
        candidates.start_window(now, BATCH_WINDOW);
        candidates.push(candidate("b"), usize::MAX);
        candidates.start_window(now + BATCH_WINDOW / 2, BATCH_WINDOW);
        assert_eq!(candidates.flush_at(), Some(now + BATCH_WINDOW));
        let taken: Vec<String> = candidates.take().iter().map(|raw| raw.get().to_owned()).collect();
        assert_eq!(taken, ["\"a\"", "\"b\""]);
        assert_eq!(candidates.flush_at(), None);
    }

    #[test]
    fn oldest_candidate_is_dropped_past_the_bound() {
        let mut candidates = CandidateBuffer::default();
        for number in 0..MAX_CANDIDATES + 5 {
            candidates.push(candidate(&number.to_string()), usize::MAX);
        }
        let taken = candidates.take();
        assert_eq!(taken.len(), MAX_CANDIDATES);
        assert_eq!(taken[0].get(), "\"5\"");
    }

    #[test]
    fn candidates_are_bounded_in_bytes() {
        let mut candidates = CandidateBuffer::default();
        let text = "x".repeat(998);
        for _ in 0..200 {
            candidates.push(candidate(&text), usize::MAX);
            assert!(candidates.bytes() <= MAX_CANDIDATE_BYTES);
        }
        assert_eq!(candidates.bytes(), 131_000);
        candidates.push(candidate(&text), 2_500);
        assert_eq!((candidates.bytes(), candidates.pending().len()), (2_000, 2));
        candidates.push(candidate(&text), 0);
        assert_eq!((candidates.bytes(), candidates.pending().len()), (0, 0));
    }

    #[test]
    fn latest_value_of_each_setting_is_taken_once() {
        let mut settings = PendingSettings::default();
        settings.merge(&LazyObject::parse(r#"{"request":"set","bitrate":1,"audio":true}"#).unwrap());
        settings.merge(&LazyObject::parse(r#"{"request":"set","bitrate":2,"filename":"x"}"#).unwrap());
        assert_eq!(settings.take().unwrap().get(), r#"{"request":"set","audio":true,"bitrate":2}"#);
        assert!(settings.take().is_none());
    }
}
