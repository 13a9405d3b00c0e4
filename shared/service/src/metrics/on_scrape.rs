//! Metrics that are computed on each scrape. Unlike a gauge, a series disappears with what it describes.
//!
//! One collection serves all scrapes within [`CACHE_TTL`], and scrapes wait for a running collection. A
//! collection that fails or exceeds [`COLLECT_TIMEOUT`] yields no metrics but `switchboard_lookup_failed`.

use futures_util::future::BoxFuture;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

const CACHE_TTL: Duration = Duration::from_secs(1);
const COLLECT_TIMEOUT: Duration = Duration::from_secs(3);

/// All series of one metric.
pub struct MetricFamily {
    /// The name of the metric.
    pub name: &'static str,
    /// `gauge` or `counter`.
    pub kind: &'static str,
    /// The help text.
    pub help: &'static str,
    /// Each series: label names with values, and the sample.
    pub values: Vec<(Vec<(&'static str, String)>, f64)>,
}

/// Computes the metrics; `None` when that fails.
pub type CollectFn = Arc<dyn Fn() -> BoxFuture<'static, Option<Vec<MetricFamily>>> + Send + Sync>;

/// The collector of one process. Clones share it.
#[derive(Clone, Default)]
pub struct Collector {
    collect: Arc<common::sync::Mutex<Option<CollectFn>>>,
    last: Arc<Mutex<Option<(Instant, String)>>>,
}

impl Collector {
    /// Sets the function that computes the metrics.
    pub fn set(&self, collect: CollectFn) {
        *self.collect.lock() = Some(collect);
    }

    /// Returns the metrics as text, at most [`CACHE_TTL`] old. Empty before [`set`](Self::set).
    pub async fn render(&self) -> String {
        let Some(collect) = self.collect.lock().clone() else { return String::new() };
        let mut last = self.last.lock().await;
        if let Some((_, text)) = last.as_ref().filter(|(at, _)| at.elapsed() < CACHE_TTL) {
            return text.clone();
        }
        let families = timeout(COLLECT_TIMEOUT, collect()).await.ok().flatten();
        last.insert((Instant::now(), exposition(families))).1.clone()
    }
}

fn exposition(families: Option<Vec<MetricFamily>>) -> String {
    let failed = MetricFamily {
        name: "switchboard_lookup_failed",
        kind: "gauge",
        help: "1 while the metrics of streams cannot be read, else 0.",
        values: vec![(Vec::new(), f64::from(u8::from(families.is_none())))],
    };
    let mut text = String::new();
    for MetricFamily { name, kind, help, values } in families.into_iter().flatten().chain([failed]) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, sample) in values {
            let labels = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
            let labels = labels.collect::<Vec<_>>().join(",");
            let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
            let _ = writeln!(text, "{name}{labels} {sample}");
        }
        text.push('\n');
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn family(values: Vec<(Vec<(&'static str, String)>, f64)>) -> MetricFamily {
        MetricFamily { name: "switchboard_x", kind: "gauge", help: "X.", values }
    }

    #[test]
    fn labels_are_escaped_and_a_failure_is_reported() {
        let values = vec![(vec![("stream", "a\"b\\".to_owned()), ("kind", "queue".to_owned())], 1.5)];
        let text = exposition(Some(vec![family(values)]));
        let (lines, failed) = text.split_once("\n\n").unwrap();
        let value = r#"switchboard_x{stream="a\"b\\",kind="queue"} 1.5"#;
        assert_eq!(lines, format!("# HELP switchboard_x X.\n# TYPE switchboard_x gauge\n{value}"));
        assert!(failed.ends_with("switchboard_lookup_failed 0\n\n"), "{failed}");
        assert!(exposition(None).ends_with("switchboard_lookup_failed 1\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_scrapes_share_one_collection() {
        let (collector, collections) = (Collector::default(), Arc::new(AtomicU32::new(0)));
        assert_eq!(collector.render().await, "");
        let counter = collections.clone();
        collector.set(Arc::new(move || {
            let number = counter.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { Some(vec![family(vec![(Vec::new(), f64::from(number))])]) })
        }));
        let (one, other) = tokio::join!(collector.render(), collector.render());
        assert_eq!((collections.load(Ordering::Relaxed), one), (1, other));
        tokio::time::advance(CACHE_TTL).await;
        assert!(collector.render().await.contains("switchboard_x 1\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_collection_times_out() {
        let collector = Collector::default();
        collector.set(Arc::new(|| Box::pin(std::future::pending())));
        assert!(collector.render().await.contains("switchboard_lookup_failed 1"));
    }
}
