//! What a bus counts, for `/metrics`. A queue has a label of its own; mailboxes, of which there are as many
//! as services ever were, have one for each kind.

use crate::topic::Queue;
use metrics::{counter, describe_counter};

const REDELIVERIES: &str = "switchboard_bus_redeliveries_total";
const DEAD_LETTERS: &str = "switchboard_bus_dead_letters_total";
const QUEUE_FULL: &str = "switchboard_queue_full_total";
const RECONNECTS: &str = "switchboard_redis_reconnects_total";
/// Messages that are done and not acknowledged yet.
const ACKNOWLEDGEMENTS: &str = "acknowledgements";

/// Says what there is, for a process that has a bus.
pub fn describe() {
    describe_counter!(REDELIVERIES, "Messages of a queue that were given to a worker once more.");
    describe_counter!(DEAD_LETTERS, "Messages that were given up; they lie in sb:dead with the error.");
    describe_counter!(QUEUE_FULL, "Times a bounded queue was full; ARCHITECTURE.md says what happens then.");
    describe_counter!(RECONNECTS, "Connections to Redis that worked again after they did not.");
    for queue in Queue::all() {
        counter!(REDELIVERIES, "queue" => label(&queue.key())).increment(0);
        counter!(DEAD_LETTERS, "road" => label(&queue.key())).increment(0);
        counter!(QUEUE_FULL, "queue" => label(&queue.key())).increment(0);
    }
    for mailboxes in ["edge", "rest", "backend"] {
        counter!(DEAD_LETTERS, "road" => mailboxes).increment(0);
        counter!(QUEUE_FULL, "queue" => mailboxes).increment(0);
    }
    counter!(QUEUE_FULL, "queue" => ACKNOWLEDGEMENTS).increment(0);
    counter!(RECONNECTS, "of" => "bus").increment(0);
}

pub(crate) fn redelivered(key: &str, count: usize) {
    counter!(REDELIVERIES, "queue" => label(key)).increment(count as u64);
}

pub(crate) fn dead_lettered(key: &str) {
    counter!(DEAD_LETTERS, "road" => label(key)).increment(1);
}

/// A road took no more.
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
    match Queue::all().any(|queue| queue.key() == key) {
        true => name.to_owned(),
        false => name.split(['-', ':']).next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Mailbox;
    use common::{BackendName, ServiceId};

    #[test]
    fn there_are_few_labels_however_many_services_there_were() {
        assert_eq!(label(&Queue::Requests(1).key()), "requests:1");
        assert_eq!(label(&Queue::Proxies.key()), "peers");
        assert_eq!(label(&Mailbox::Edge(ServiceId::fresh("edge")).key()), "edge");
        assert_eq!(label(&Mailbox::Rest(ServiceId::fresh("rest")).key()), "rest");
        assert_eq!(label(&Mailbox::Backend(BackendName::from("a-b:1")).key()), "backend");
    }
}
