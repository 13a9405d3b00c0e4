//! What a directory counts, for `/metrics`.

use metrics::{counter, describe_counter};

const RECONNECTS: &str = "switchboard_redis_reconnects_total";

/// Says what there is, for a process that has a directory.
pub fn describe() {
    describe_counter!(RECONNECTS, "Connections to Redis that worked again after they did not.");
    counter!(RECONNECTS, "of" => "directory").increment(0);
}

pub(crate) fn reconnected() {
    counter!(RECONNECTS, "of" => "directory").increment(1);
}
