//! Numbers that are looked up when somebody scrapes, and written as a whole: what is gone is gone from them
//! too, where a gauge would keep its last value for ever.
//!
//! Whoever asks within [`LIFE`] of a look gets the same text, and while somebody looks the others wait for
//! that: a flood of scrapes costs one look a second. A look may take [`PATIENCE`]; one that fails gives none
//! of these numbers, and says so in `switchboard_lookup_failed`.

use futures_util::future::BoxFuture;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

const CACHE_TTL: Duration = Duration::from_secs(1);
const COLLECT_TIMEOUT: Duration = Duration::from_secs(3);

/// One family of numbers: a name, what it is (`gauge` or `counter`), its words, its values by label.
pub struct MetricFamily {
    /// Its name.
    pub name: &'static str,
    /// `gauge` or `counter`.
    pub kind: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Labels as names and values, with the number.
    pub values: Vec<(Vec<(&'static str, String)>, f64)>,
}

/// Looks the numbers up; none when that fails.
pub type CollectFn = Arc<dyn Fn() -> BoxFuture<'static, Option<Vec<MetricFamily>>> + Send + Sync>;

/// Whoever looks numbers up in this process; clones share it.
#[derive(Clone, Default)]
pub struct Collector {
    collect: Arc<RwLock<Option<CollectFn>>>,
    last: Arc<Mutex<Option<(Instant, String)>>>,
}

impl Collector {
    /// From now on these are looked up.
    pub fn set(&self, source: CollectFn) {
        *self.collect.write().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    /// The numbers as text, as they were at most [`LIFE`] ago; nothing where nobody looks any up.
    pub async fn render(&self) -> String {
        let source = self.collect.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(source) = source else { return String::new() };
        let mut last = self.last.lock().await;
        if let Some((_, text)) = last.as_ref().filter(|(at, _)| at.elapsed() < CACHE_TTL) {
            return text.clone();
        }
        let seen = timeout(COLLECT_TIMEOUT, source()).await.ok().flatten();
        last.insert((Instant::now(), exposition(seen))).1.clone()
    }
}

fn exposition(seen: Option<Vec<MetricFamily>>) -> String {
    let failed = MetricFamily {
        name: "switchboard_lookup_failed",
        kind: "gauge",
        help: "1 while the numbers of the roads cannot be looked up, else 0.",
        values: vec![(Vec::new(), f64::from(u8::from(seen.is_none())))],
    };
    let mut text = String::new();
    for MetricFamily { name, kind, help, values } in seen.into_iter().flatten().chain([failed]) {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let labels = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
            let labels = labels.collect::<Vec<_>>().join(",");
            let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
            let _ = writeln!(text, "{name}{labels} {value}");
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
    fn labels_are_escaped_and_a_look_that_failed_is_said() {
        let values = vec![(vec![("road", "a\"b\\".to_owned()), ("kind", "queue".to_owned())], 1.5)];
        let seen = exposition(Some(vec![family(values)]));
        let (lines, failed) = seen.split_once("\n\n").unwrap();
        let value = r#"switchboard_x{road="a\"b\\",kind="queue"} 1.5"#;
        assert_eq!(lines, format!("# HELP switchboard_x X.\n# TYPE switchboard_x gauge\n{value}"));
        assert!(failed.ends_with("switchboard_lookup_failed 0\n\n"), "{failed}");
        assert!(exposition(None).ends_with("switchboard_lookup_failed 1\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn many_scrapes_cost_one_look() {
        let (lookup, looks) = (Collector::default(), Arc::new(AtomicU32::new(0)));
        assert_eq!(lookup.render().await, "");
        let counted = looks.clone();
        lookup.set(Arc::new(move || {
            let look = counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { Some(vec![family(vec![(Vec::new(), f64::from(look))])]) })
        }));
        let (one, other) = tokio::join!(lookup.render(), lookup.render());
        assert_eq!((looks.load(Ordering::Relaxed), one), (1, other));
        tokio::time::advance(CACHE_TTL).await;
        assert!(lookup.render().await.contains("switchboard_x 1\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_given_up() {
        let lookup = Collector::default();
        lookup.set(Arc::new(|| Box::pin(std::future::pending())));
        assert!(lookup.render().await.contains("switchboard_lookup_failed 1"));
    }
}
