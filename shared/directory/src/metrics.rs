//! Metrics of the directory.

use metrics::{counter, describe_counter};

const RECONNECTS: &str = "switchboard_redis_reconnects_total";

/// Describes the metrics and exports them as zero.
pub fn describe() {
    describe_counter!(RECONNECTS, "Connections to Redis that were restored after a loss.");
    counter!(RECONNECTS, "of" => "directory").increment(0);
}

pub(crate) fn reconnected() {
    counter!(RECONNECTS, "of" => "directory").increment(1);
}
