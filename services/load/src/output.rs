//! What a run prints: results as lines of JSON on its output, with percentiles of latencies, and progress on standard
//! error. Progress is lost while standard error fails or is not read; the run goes on.

use crate::error::Error;
use hdrhistogram::Histogram;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use service::{CancellationToken, logging};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{interval, sleep};

const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// How long a stopped run waits for its output.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longer latencies are recorded as this one, in microseconds.
const MAX_LATENCY_MICROS: u64 = 600_000_000;

/// Latencies, with a precision of three digits.
pub struct LatencyHistogram(Histogram<u64>);

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, MAX_LATENCY_MICROS, 3).expect("the bounds are in order"))
    }
}

impl LatencyHistogram {
    pub fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    fn millis(&self, quantile: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(quantile) as f64 / 1_000.0)
    }
}

/// In milliseconds; `null` in an empty histogram.
impl Serialize for LatencyHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("LatencyHistogram", 3)?;
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            object.serialize_field(name, &self.millis(quantile))?;
        }
        object.end()
    }
}

/// Prints a whole line of the result, with its end. It may block.
pub type Output = Arc<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

/// Prints one line of JSON. After `stop` the output has [`OUTPUT_TIMEOUT`] to take it: it may be a pipe that is not read.
pub async fn print_json(out: &Output, line: &impl Serialize, stop: &CancellationToken) -> Result<(), Error> {
    let mut line = serde_json::to_vec(line).map_err(|error| Error::Output(error.into()))?;
    line.push(b'\n');
    let out = out.clone();
    let written = spawn_blocking(move || out(&line));
    let overdue = async {
        stop.cancelled().await;
        sleep(OUTPUT_TIMEOUT).await;
    };
    tokio::select! {
        biased;
        outcome = written => outcome.unwrap_or_else(|panic| Err(panic.into())).map_err(Error::Output),
        () = overdue => Err(Error::Output(ErrorKind::TimedOut.into())),
    }
}

/// Rounds to three decimal places.
pub fn round(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// Prints a line of progress, unless `quiet`.
pub fn print_progress(quiet: bool, line: &str) {
    if !quiet {
        logging::write_line(line);
    }
}

/// Prints a line of progress each second, and never returns. `line` receives the number of the second.
pub async fn print_every_second(quiet: bool, mut line: impl FnMut(u64) -> String) {
    let mut ticks = interval(PROGRESS_INTERVAL);
    ticks.tick().await;
    for second in 1.. {
        ticks.tick().await;
        print_progress(quiet, &line(second));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    #[tokio::test]
    async fn output_that_is_not_read_does_not_delay_a_stop() {
        let (release, released) = channel::<()>();
        let released = Mutex::new(released);
        let out: Output = Arc::new(move |_| {
            let _ = released.lock().unwrap().recv();
            Ok(())
        });
        let stop = CancellationToken::new();
        stop.cancel();
        let printed = print_json(&out, &"result", &stop).await;
        assert!(matches!(printed, Err(Error::Output(error)) if error.kind() == ErrorKind::TimedOut));
        drop(release);
    }

    #[test]
    fn latencies_are_serialized_in_milliseconds() {
        let mut histogram = LatencyHistogram::default();
        assert_eq!(json!(histogram), json!({"p50": null, "p99": null, "max": null}));
        (1..=100).for_each(|millis| histogram.add(Duration::from_millis(millis)));
        let serialized = json!(histogram);
        for (name, wanted) in [("p50", 50.0), ("p99", 99.0), ("max", 100.0)] {
            let millis = serialized[name].as_f64().unwrap();
            assert!((millis - wanted).abs() / wanted < 0.001, "{name} {millis}");
        }
        histogram.add(Duration::from_secs(86_400));
        assert!(json!(histogram)["max"].as_f64().unwrap() >= 600_000.0);
    }
}
