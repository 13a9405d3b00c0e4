//! The numbers of this process, in the text form Prometheus reads.
//!
//! Services count with the macros of the `metrics` crate, whose recorder is one per process: in
//! `standalone` the four services share it. Before [`install`], counting does nothing.

use crate::CancellationToken;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::Duration;

/// Upper bounds of the buckets of every histogram whose name ends in `_seconds`.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// How often samples are folded into their buckets, so that they do not pile up unscraped.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts to count in this process; once it counts, calling this again changes nothing.
pub fn install() {
    HANDLE.get_or_init(|| {
        let recorder = builder().expect("the list of buckets is not empty").build_recorder();
        let handle = recorder.handle();
        // Another recorder (a test's) may be there already; ours then stays empty.
        let _ = ::metrics::set_global_recorder(recorder);
        handle
    });
}

/// All numbers, as text; empty before [`install`].
pub fn render() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Keeps memory bounded while nobody scrapes; runs until shutdown.
pub async fn upkeep(shutdown: CancellationToken) {
    let mut tick = tokio::time::interval(UPKEEP_EVERY);
    while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered() {
        install();
        install();
        ::metrics::counter!("switchboard_test_total").increment(2);
        ::metrics::histogram!("switchboard_test_seconds").record(0.003);
        let text = render();
        assert!(text.contains("switchboard_test_total 2"), "{text}");
        assert!(text.contains("switchboard_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    }
}
