//! The metrics of this process, in the text format of Prometheus.
//!
//! Services record with the macros of the `metrics` crate, whose recorder is global: in `standalone` the four
//! services share it. Recording does nothing before [`install`]. Each crate declares its metrics, with help
//! texts, in `metrics.rs`. All are exported as zero from the start, because an alert cannot fire on a missing
//! metric. [`on_scrape`] holds the metrics that are computed on each scrape.

pub mod on_scrape;

use crate::logging;
use crate::wire_protocol::WireProtocol;
use ::metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use common::clock;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::fs;
use std::sync::OnceLock;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Upper bounds of the buckets of every histogram whose name ends in `_seconds`.
const SECONDS_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// How often samples are folded into their buckets, which bounds memory between scrapes.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(5);

const BUILD: &str = "switchboard_build_info";
const READY: &str = "switchboard_ready";
const CLOCK_SKEW: &str = "switchboard_clock_skew_seconds";
const QUEUE_FULL: &str = "switchboard_queue_full_total";
const LOG_LINES_LOST: &str = "switchboard_log_lines_lost_total";
const HTTP_PANICS: &str = "switchboard_http_panics_total";
const REFUSED: &str = "switchboard_http_refused_connections_total";
pub(crate) const CANARY_SECONDS: &str = "switchboard_canary_seconds";
pub(crate) const CANARIES_MISSED: &str = "switchboard_canaries_missed_total";
/// The connections of one address to an HTTP port.
pub(crate) const HTTP_CONNECTIONS_OF_ADDRESS: &str = "http_connections_of_address";
const PROCESS_MEMORY: &str = "process_resident_memory_bytes";
const PROCESS_CPU: &str = "process_cpu_seconds_total";
const PROCESS_FILES: &str = "process_open_fds";
/// `USER_HZ` of Linux: the unit of times in `/proc`, whatever the kernel's own clock rate.
const TICKS_PER_SECOND: u64 = 100;

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder of this process. Further calls change nothing.
pub fn install() {
    HANDLE.get_or_init(|| {
        let recorder = builder().expect("the list of buckets is not empty").build_recorder();
        let handle = recorder.handle();
        // A test may have set another recorder. This one then stays empty.
        let _ = ::metrics::set_global_recorder(recorder);
        describe();
        handle
    });
}

/// Declares the metrics that every process has.
fn describe() {
    describe_gauge!(BUILD, "Always 1; the label `version` is the version of this process.");
    describe_gauge!(READY, "1 while /readyz reports this process as ready, else 0.");
    describe_gauge!(
        CLOCK_SKEW,
        "By how much the clock of this machine is ahead of Redis' clock; negative: behind."
    );
    describe_counter!(
        QUEUE_FULL,
        "Times a bounded queue was full; see ARCHITECTURE.md for what happens then."
    );
    register_queues(&[HTTP_CONNECTIONS_OF_ADDRESS]);
    describe_counter!(
        LOG_LINES_LOST,
        "Lines of the log that were lost, because standard error failed or was not read."
    );
    describe_counter!(
        HTTP_PANICS,
        "HTTP requests that were answered with 500, because their handler panicked."
    );
    counter!(HTTP_PANICS).increment(0);
    describe_counter!(
        REFUSED,
        "Connections to an HTTP port that spoke another protocol, by protocol in the label `cause`."
    );
    for protocol in WireProtocol::REFUSED {
        counter!(REFUSED, "cause" => protocol.name()).increment(0);
    }
    describe_histogram!(CANARY_SECONDS, "Time a canary took over a stream and back to its sender.");
    describe_counter!(CANARIES_MISSED, "Canaries that did not come back in time.");
    describe_process();
    bus::metrics::describe();
    directory::metrics::describe();
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// Declares bounded queues, whose [`queue_full`] counters begin at zero.
pub fn register_queues(names: &[&'static str]) {
    names.iter().for_each(|name| counter!(QUEUE_FULL, "queue" => *name).increment(0));
}

/// Counts that a bounded queue was full.
pub fn queue_full(queue: &'static str) {
    counter!(QUEUE_FULL, "queue" => queue).increment(1);
}

/// Counts an HTTP request whose handler panicked.
pub fn http_handler_panicked() {
    counter!(HTTP_PANICS).increment(1);
}

/// Counts a connection that spoke another protocol than HTTP/1.
pub(crate) fn connection_refused(protocol: WireProtocol) {
    counter!(REFUSED, "cause" => protocol.name()).increment(1);
}

/// Returns all recorded metrics as text, with whether the process is ready. Empty before [`install`].
pub fn render(is_ready: bool) -> String {
    gauge!(READY).set(u8::from(is_ready));
    counter!(LOG_LINES_LOST).absolute(logging::lost_lines());
    gauge!(CLOCK_SKEW).set(clock::skew_millis().unwrap_or_default() as f64 / 1e3);
    sample_process();
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Folds samples periodically until shutdown.
pub async fn run_maintenance(shutdown: CancellationToken) {
    let mut tick = tokio::time::interval(MAINTENANCE_INTERVAL);
    while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
}

/// Declares the metrics of the process that Prometheus' own client libraries export too.
fn describe_process() {
    describe_gauge!(PROCESS_MEMORY, "Resident memory of this process, in bytes.");
    describe_counter!(PROCESS_CPU, "Processor time of this process, in whole seconds.");
    describe_gauge!(PROCESS_FILES, "Open file descriptors of this process.");
}

/// Reads the metrics of the process from `/proc`; omits them on systems without it.
fn sample_process() {
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes) {
        gauge!(PROCESS_MEMORY).set(bytes as f64);
    }
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(processor_ticks) {
        counter!(PROCESS_CPU).absolute(ticks / TICKS_PER_SECOND);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        gauge!(PROCESS_FILES).set(files.count() as f64);
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Returns user and system time: fields 14 and 15, counted after the program name, which may hold spaces.
fn processor_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_metrics_are_rendered() {
        install();
        install();
        ::metrics::counter!("switchboard_test_total").increment(2);
        ::metrics::histogram!("switchboard_test_seconds").record(0.003);
        let text = render(true);
        assert!(text.contains("switchboard_test_total 2"), "{text}");
        assert!(text.contains("switchboard_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("switchboard_ready 1\n") && render(false).contains("switchboard_ready 0\n"));
        assert!(text.contains("switchboard_redis_reconnects_total{of=\"bus\"} 0\n"), "{text}");
        assert!(text.contains("switchboard_log_lines_lost_total 0\n"), "{text}");
    }

    #[test]
    fn proc_files_are_parsed() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    1024 kB\nThreads:\t1\n"), Some(1 << 20));
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 12345 0 0";
        assert_eq!(processor_ticks(stat), Some(300));
        assert_eq!((resident_bytes(""), processor_ticks("")), (None, None));
    }
}
