//! The metrics of the services, and whether they include all that the alert rules of `deploy/prometheus/`
//! use.

use super::call::connect;
use crate::fixture::redis_connection;
use redis::streams::StreamRangeReply;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use testkit::{Client, Cluster, Janus, Process, Redis, Service, eventually, http};

const STEPS: [&str; 6] = ["queue", "directory", "place", "attach", "ring", "answer"];

/// The metrics of some processes, one page per process.
struct Pages(Vec<String>);

impl Pages {
    async fn of(processes: impl IntoIterator<Item = &Process>) -> Self {
        let mut pages = Vec::new();
        for process in processes {
            pages.push(http::get(&format!("{}/metrics", process.admin_url())).await.body);
        }
        Self(pages)
    }

    /// Every series with its value: `name{label="value"} 1`.
    fn series(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|page| page.lines()).filter(|line| !line.is_empty() && !line.starts_with('#'))
    }

    /// The names of all metric families, without the suffixes of histograms.
    fn names(&self) -> BTreeSet<&str> {
        let all = self.0.iter().flat_map(|page| page.lines());
        all.filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
    }

    /// The sum of the series that begin with `begin`.
    fn sum(&self, begin: &str) -> f64 {
        let values = self.series().filter(|line| line.starts_with(begin));
        values.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Whether there is a series of that name with this label.
    fn has(&self, name: &str, label: &str, value: &str) -> bool {
        let wanted = format!("{label}=\"{value}\"");
        self.series().any(|line| line.starts_with(name) && line.contains(&wanted))
    }
}

/// Makes one call that is answered and hung up, between clients at these URLs.
async fn one_call(edge_urls: [String; 2]) -> (Client, Client) {
    let mut alice = Client::registered(&edge_urls[0], "alice").await;
    let mut bob = Client::registered(&edge_urls[1], "bob").await;
    connect(&mut alice, &mut bob).await;
    alice.hangup().await;
    alice.expect_core("hangup").await;
    bob.expect_core("hangup").await;
    (alice, bob)
}

/// Checks the metrics after one call, whatever processes the services run in.
fn check_metrics_of_one_call(pages: &Pages) {
    for name in ["switchboard_calls_rang_total", "switchboard_calls_answered_total"] {
        assert_eq!(pages.sum(name), 1.0, "{name}");
    }
    assert_eq!(pages.sum("switchboard_calls_ended_total{reason=\"hangup\"}"), 1.0);
    assert_eq!(pages.sum("switchboard_calls_ended_total"), 1.0);
    assert_eq!(pages.sum("switchboard_call_setup_seconds_count"), 1.0);
    for step in STEPS {
        let count = format!("switchboard_call_step_seconds_count{{step=\"{step}\"}}");
        assert_eq!(pages.sum(&count), 1.0, "{step}");
    }
    assert_eq!(
        (pages.sum("switchboard_edge_clients"), pages.sum("switchboard_ready")),
        (2.0, pages.0.len() as f64)
    );
    assert_eq!(pages.sum("switchboard_connector_janus_up"), 1.0);
    for stream in ["requests:0", "requests:1", "proxies"] {
        assert!(pages.has("switchboard_stream_consumers", "stream", stream), "{stream}");
        assert!(pages.has("switchboard_canaries_missed_total", "stream", stream), "{stream}");
    }
}

/// Checks the pages with Prometheus' own tool: names, units, help texts, and one declaration per family.
fn check_conventions(pages: &Pages) {
    for page in &pages.0 {
        let checked = promtool(&["check", "metrics"], page);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let mut families: Vec<_> = page.lines().filter(|line| line.starts_with("# TYPE ")).collect();
        let all = families.len();
        families.sort_unstable();
        families.dedup();
        assert_eq!(families.len(), all, "a metric family is declared twice");
        for family in families {
            let name = family.split(' ').nth(2).unwrap();
            assert!(page.contains(&format!("# HELP {name} ")), "{name} has no help text");
        }
    }
}

fn promtool(args: &[&str], input: &str) -> Output {
    let mut command = Command::new("promtool");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = command.spawn().expect("promtool is in Debian's package prometheus: make servers");
    tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    tool.wait_with_output().unwrap()
}

fn deployed(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus").join(file)
}

/// The metrics that the rules use: names, each with its labels, `label="value"`.
fn used_metrics() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let rules = std::fs::read_to_string(deployed("alerts.yml")).unwrap();
    let mut used = BTreeMap::<String, BTreeSet<_>>::new();
    for (at, _) in rules.match_indices("switchboard_") {
        let text = &rules[at..];
        let end = text.find(|it: char| !it.is_ascii_lowercase() && it != '_').unwrap();
        let (name, rest) = text.split_at(end);
        let labels = used.entry(name.to_owned()).or_default();
        let selector = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        for matcher in selector.iter().flat_map(|(matchers, _)| matchers.split(',')) {
            let (label, values) = matcher.split_once('=').unwrap();
            let values = values.trim_start_matches('~').trim_matches('"').split('|');
            labels.extend(values.map(|value| (label.to_owned(), value.to_owned())));
        }
    }
    used
}

fn check_alert_metrics(pages: &Pages) {
    let (names, used) = (pages.names(), used_metrics());
    assert!(used.len() > 15, "failed to parse the rules: {used:?}");
    for (name, labels) in used {
        let ends = ["_bucket", "_count", "_sum"];
        let family = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        assert!(names.contains(family), "no service exports {name}, which an alert uses");
        for (label, value) in labels {
            assert!(pages.has(&name, &label, &value), "no {name} has {label}=\"{value}\"");
        }
    }
}

#[test]
fn prometheus_accepts_rules_and_example_configuration() {
    for (what, file) in [("rules", "alerts.yml"), ("config", "prometheus.yml")] {
        let checked = promtool(&["check", what, deployed(file).to_str().unwrap()], "");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
    let tested = promtool(&["test", "rules", deployed("alerts_test.yml").to_str().unwrap()], "");
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}

#[tokio::test]
async fn standalone_exports_call_and_alert_metrics() {
    let janus = Janus::start().await;
    let backend = format!("a={}", janus.url());
    let process = Process::start(Service::Standalone, &["--backend", &backend]).await;
    let _clients = one_call([process.url(), process.url()]).await;
    let pages = Pages::of([&process]).await;
    check_metrics_of_one_call(&pages);
    check_conventions(&pages);
    check_alert_metrics(&pages);
}

#[tokio::test]
async fn cluster_exports_call_metrics_and_logs_step_times() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let mut cluster = Cluster::new(&redis).edges(2).rests(1).backend("a", &janus).start().await;
    let _clients = one_call([cluster.edge_url(0), cluster.edge_url(1)]).await;
    let pages = Pages::of(cluster.processes().map(|process| &*process)).await;
    check_metrics_of_one_call(&pages);
    check_conventions(&pages);
    check_alert_metrics(&pages);
    let mut redis = redis_connection(&redis.url()).await;
    let log: StreamRangeReply =
        redis::cmd("XRANGE").arg("sb:calls").arg("-").arg("+").query_async(&mut redis).await.unwrap();
    let [ringing, answered, _] = &log.ids[..] else { panic!("{log:?}") };
    for step in STEPS {
        let line = if step == "answer" { answered } else { ringing };
        let took: u64 = line.get(&format!("{step}_us")).unwrap();
        assert!(took < 5_000_000, "{step}: {took}");
    }
}

#[tokio::test]
async fn stream_metrics_disappear_and_return_with_redis() {
    let mut redis = Redis::start().await;
    let cluster = Cluster::new(&redis).edges(0).routers(0).connectors(0).rests(1).start().await;
    let failed = async || Pages::of(&cluster.rests).await.sum("switchboard_lookup_failed");
    assert_eq!(failed().await, 0.0);
    redis.kill();
    eventually("the lookup failure is reported", async || failed().await == 1.0).await;
    let pages = Pages::of(&cluster.rests).await;
    assert!(!pages.names().contains("switchboard_stream_entries"), "unknown values are not exported");
    let ready = async || Pages::of(&cluster.rests).await.sum("switchboard_ready");
    eventually("it is not ready", async || ready().await == 0.0).await;
    redis.restart().await;
    eventually("the lookup succeeds again", async || failed().await == 0.0).await;
    let reconnects = async || Pages::of(&cluster.rests).await.sum("switchboard_redis_reconnects_total");
    eventually("the reconnect is counted", async || reconnects().await > 0.0).await;
}
