//! How fast the roads are: from the lengths and counts of two looks. Pure.

use super::frame::ClusterView;
use std::collections::BTreeMap;

/// Entries a second, between two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamRate {
    /// Added.
    pub in_: f64,
    /// Done; none for a log, whose lines stay.
    pub out: Option<f64>,
    /// Given to another worker, in all that time.
    pub redelivered: u64,
}

/// The rates of the roads that are in both looks. A road that was made anew between them has none.
pub fn between(earlier: &ClusterView, later: &ClusterView) -> BTreeMap<String, StreamRate> {
    let seconds = later.at.saturating_sub(earlier.at) as f64 / 1e3;
    let before: BTreeMap<&str, _> = earlier.streams.iter().map(|road| (road.key.as_str(), road)).collect();
    let rates = later.streams.iter().filter_map(|road| {
        let before = before.get(road.key.as_str())?;
        let added = road.added.checked_sub(before.added).filter(|_| seconds > 0.0)?;
        let done = (before.length + added).saturating_sub(road.length);
        let again =
            road.redelivered.unwrap_or_default().saturating_sub(before.redelivered.unwrap_or_default());
        let out = (road.kind != "log").then_some(done as f64 / seconds);
        Some((road.key.clone(), StreamRate { in_: added as f64 / seconds, out, redelivered: again }))
    });
    rates.collect()
}

#[cfg(test)]
mod tests {
    use super::super::frame::StreamStats;
    use super::*;

    fn look(at: u64, kind: &str, added: u64, length: u64) -> ClusterView {
        let road = StreamStats {
            key: "k".to_owned(),
            kind: kind.to_owned(),
            added,
            length,
            ..StreamStats::default()
        };
        ClusterView { at, streams: vec![road], ..ClusterView::default() }
    }

    #[test]
    fn what_came_and_what_is_done_is_told_by_counts_and_lengths() {
        let rate = |in_, out| Some(StreamRate { in_, out, redelivered: 0 });
        for (kind, earlier, later, wanted) in [
            ("queue", (10, 3), (30, 5), rate(10.0, Some(9.0))),
            ("queue", (10, 3), (10, 0), rate(0.0, Some(1.5))),
            ("mailbox", (10, 0), (10, 0), rate(0.0, Some(0.0))),
            ("log", (10, 10), (14, 12), rate(2.0, None)),
            ("queue", (10, 3), (2, 2), None),
        ] {
            let rates =
                between(&look(1_000, kind, earlier.0, earlier.1), &look(3_000, kind, later.0, later.1));
            assert_eq!(rates.get("k").copied(), wanted, "{kind} {earlier:?} {later:?}");
        }
    }

    #[test]
    fn two_looks_at_the_same_moment_or_at_other_roads_tell_nothing() {
        let one = look(1_000, "queue", 1, 1);
        assert!(between(&one, &one).is_empty());
        assert!(between(&ClusterView::default(), &one).is_empty());
    }
}
