//! The views of the cluster that `top` has received in the last seconds, the rates computed from them, and
//! why there is no newer view.

use super::model::ClusterView;
use std::collections::{BTreeMap, VecDeque};

/// Rates are computed over the time between the first and the last of so many views.
const MAX_VIEWS: usize = 6;

#[derive(Default)]
pub struct History {
    /// The URL of rest.
    pub address: String,
    /// Why the last request failed.
    pub error: Option<String>,
    views: VecDeque<ClusterView>,
}

impl History {
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), ..Self::default() }
    }

    /// Records the outcome of a request. A view that is not newer than the last one is dropped.
    pub fn apply(&mut self, outcome: Result<ClusterView, String>) {
        match outcome {
            Ok(view) => {
                self.push(view);
                self.error = None;
            }
            Err(error) => self.error = Some(error),
        }
    }

    fn push(&mut self, view: ClusterView) {
        if self.views.back().is_some_and(|last| last.at >= view.at) {
            return;
        }
        self.views.push_back(view);
        if self.views.len() > MAX_VIEWS {
            self.views.pop_front();
        }
    }

    pub fn latest(&self) -> Option<&ClusterView> {
        self.views.back()
    }

    /// Returns the rates of the streams, by key.
    pub fn rates(&self) -> BTreeMap<String, StreamRate> {
        match (self.views.front(), self.views.back()) {
            (Some(first), Some(last)) => rates_between(first, last),
            _ => BTreeMap::new(),
        }
    }
}

/// Entries a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamRate {
    /// Added entries.
    pub added: f64,
    /// Removed entries: acknowledged and deleted. `None` for a log, whose entries stay.
    pub removed: Option<f64>,
}

/// Returns the rates of the streams that are in both views. A stream that was recreated in between has none.
pub fn rates_between(earlier: &ClusterView, later: &ClusterView) -> BTreeMap<String, StreamRate> {
    let seconds = later.at.saturating_sub(earlier.at) as f64 / 1e3;
    let before: BTreeMap<&str, _> =
        earlier.streams.iter().map(|stream| (stream.key.as_str(), stream)).collect();
    let rates = later.streams.iter().filter_map(|stream| {
        let before = before.get(stream.key.as_str())?;
        let added = stream.added.checked_sub(before.added).filter(|_| seconds > 0.0)?;
        let removed = (before.length + added).saturating_sub(stream.length);
        let removed = (stream.kind != "log").then_some(removed as f64 / seconds);
        Some((stream.key.clone(), StreamRate { added: added as f64 / seconds, removed }))
    });
    rates.collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::StreamStats;
    use super::*;

    fn view(at: u64, kind: &str, added: u64, length: u64) -> ClusterView {
        let stream =
            StreamStats { key: "k".to_owned(), kind: kind.to_owned(), added, length, ..Default::default() };
        ClusterView { at, streams: vec![stream], ..ClusterView::default() }
    }

    #[test]
    fn few_views_are_kept_and_none_twice() {
        let mut history = History::default();
        for at in [1, 2, 2, 1, 3, 4, 5, 6, 7, 8] {
            history.apply(Ok(ClusterView { at, ..ClusterView::default() }));
        }
        let kept: Vec<u64> = history.views.iter().map(|view| view.at).collect();
        assert_eq!(kept, [3, 4, 5, 6, 7, 8]);
        assert_eq!(history.latest().unwrap().at, 8);
    }

    #[test]
    fn an_error_keeps_the_last_view() {
        let mut history = History::new("http://h");
        history.apply(Ok(view(1, "log", 0, 0)));
        history.apply(Err("refused".to_owned()));
        assert_eq!((history.latest().unwrap().at, history.error.as_deref()), (1, Some("refused")));
        history.apply(Ok(view(2, "log", 0, 0)));
        assert_eq!(history.error, None);
    }

    #[test]
    fn rates_come_from_counts_and_lengths() {
        let rate = |added, removed| Some(StreamRate { added, removed });
        for (kind, earlier, later, expected) in [
            ("queue", (10, 3), (30, 5), rate(10.0, Some(9.0))),
            ("queue", (10, 3), (10, 0), rate(0.0, Some(1.5))),
            ("mailbox", (10, 0), (10, 0), rate(0.0, Some(0.0))),
            ("log", (10, 10), (14, 12), rate(2.0, None)),
            ("queue", (10, 3), (2, 2), None),
        ] {
            let rates =
                rates_between(&view(1_000, kind, earlier.0, earlier.1), &view(3_000, kind, later.0, later.1));
            assert_eq!(rates.get("k").copied(), expected, "{kind} {earlier:?} {later:?}");
        }
    }

    #[test]
    fn no_rate_without_two_views_of_a_stream() {
        let one = view(1_000, "queue", 1, 1);
        assert!(rates_between(&one, &one).is_empty());
        assert!(rates_between(&ClusterView::default(), &one).is_empty());
    }
}
