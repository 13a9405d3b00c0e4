//! The metrics of the bus. Each queue has a label of its own. All mailboxes of one kind share a label, because each
//! service that starts has a new mailbox.

use crate::topic::Queue;
use metrics::{counter, describe_counter};

const REDELIVERIES: &str = "switchboard_bus_redeliveries_total";
const DEAD_LETTERS: &str = "switchboard_bus_dead_letters_total";
const QUEUE_FULL: &str = "switchboard_queue_full_total";
const RECONNECTS: &str = "switchboard_redis_reconnects_total";
/// The label of the queue of acknowledgements.
const ACKNOWLEDGEMENTS: &str = "acknowledgements";

/// Describes the metrics and exports them as 0, for a process that has a bus.
pub fn describe() {
    describe_counter!(REDELIVERIES, "Messages of a queue that were delivered again.");
    describe_counter!(DEAD_LETTERS, "Messages that were moved to sb:dead, with the error.");
    describe_counter!(
        QUEUE_FULL,
        "Times a bounded queue was full; see ARCHITECTURE.md for what happens then."
    );
    describe_counter!(RECONNECTS, "Connections to Redis that were restored after a loss.");
    for queue in Queue::all() {
        counter!(REDELIVERIES, "queue" => label(&queue.key())).increment(0);
        counter!(DEAD_LETTERS, "stream" => label(&queue.key())).increment(0);
        counter!(QUEUE_FULL, "queue" => label(&queue.key())).increment(0);
    }
    for mailboxes in ["edge", "rest", "backend"] {
        counter!(DEAD_LETTERS, "stream" => mailboxes).increment(0);
        counter!(QUEUE_FULL, "queue" => mailboxes).increment(0);
    }
    counter!(QUEUE_FULL, "queue" => ACKNOWLEDGEMENTS).increment(0);
    counter!(RECONNECTS, "of" => "bus").increment(0);
}

pub(crate) fn redelivered(key: &str, count: usize) {
    counter!(REDELIVERIES, "queue" => label(key)).increment(count as u64);
}

pub(crate) fn dead_lettered(key: &str) {
    counter!(DEAD_LETTERS, "stream" => label(key)).increment(1);
}

pub(crate) fn queue_full(key: &str) {
    counter!(QUEUE_FULL, "queue" => label(key)).increment(1);
}

pub(crate) fn acknowledgement_dropped() {
    counter!(QUEUE_FULL, "queue" => ACKNOWLEDGEMENTS).increment(1);
}

pub(crate) fn reconnected() {
    counter!(RECONNECTS, "of" => "bus").increment(1);
}

/// The name of a queue, or the kind of a mailbox.
fn label(key: &str) -> String {
    let name = key.trim_start_matches("sb:").trim_matches(['{', '}']);
    if Queue::all().any(|queue| queue.key() == key) {
        name.to_owned()
    } else {
        name.split(['-', ':']).next().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Mailbox;
    use common::{BackendName, ServiceId};

    #[test]
    fn mailboxes_share_a_label_a_kind() {
        assert_eq!(label(&Queue::Requests(1).key()), "requests:1");
        assert_eq!(label(&Queue::Proxies.key()), "proxies");
        assert_eq!(label(&Mailbox::Edge(ServiceId::fresh("edge")).key()), "edge");
        assert_eq!(label(&Mailbox::Rest(ServiceId::fresh("rest")).key()), "rest");
        assert_eq!(label(&Mailbox::Backend(BackendName::from("a-b:1")).key()), "backend");
    }
}
