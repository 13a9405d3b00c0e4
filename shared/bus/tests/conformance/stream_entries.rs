//! The entries of a stream as operators see them: the stored ones, and those that arrive while they watch.

use crate::on_both;
use crate::support::*;
use bus::Bus;
use bus::inspect::{MAX_ENTRIES, StreamEntry};
use bus::message::{Body, Message};
use bus::topic::Log;
use std::time::Duration;

on_both![are_the_newest_and_stay, include_those_that_arrive, are_bounded, are_none_without_a_stream,];

const WATCH: Duration = Duration::from_millis(500);

async fn peek(bus: &Bus, key: &str, count: usize) -> Vec<StreamEntry> {
    bus.peek(key, count, Duration::ZERO).await.unwrap().unwrap()
}

/// A numbered message with `bytes` bytes.
fn large(number: u32, bytes: usize) -> Message {
    let mut message = numbered(number);
    if let Body::Exists(request) = &mut message.body {
        request.body = raw(&format!("\"{}\"", "x".repeat(bytes)));
    }
    message
}

/// The number of each message.
fn message_indices(entries: &[StreamEntry]) -> Vec<u32> {
    let field = |entry: &StreamEntry, name: &str| entry.fields.iter().find(|(key, _)| key == name).cloned();
    let number = |entry: &StreamEntry| {
        let payload = field(entry, "payload").unwrap().1;
        let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
        payload["transaction"].as_str().unwrap().parse().unwrap()
    };
    entries.iter().map(number).collect()
}

async fn are_the_newest_and_stay(bus: Bus) {
    let (queue, mailbox_key) = (QUEUE.key(), mailbox().key());
    enqueue_all(&bus, 0..5).await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..5).await;
    for key in [&queue, &mailbox_key] {
        assert_eq!(message_indices(&peek(&bus, key, 3).await), [2, 3, 4], "{key}");
    }
    let entries = peek(&bus, &queue, 9).await;
    assert_eq!(entries.len(), 5);
    assert!(entries.is_sorted_by_key(|entry| entry.at) && entries[0].at > 1_700_000_000_000, "{entries:?}");
    assert!(entries[0].id != entries[1].id);
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    assert_eq!(number(&take(&mut worker).await.message), 0);
    assert_eq!(message_indices(&peek(&bus, &queue, 9).await), [0, 1, 2, 3, 4], "a delivered entry stays");
    read(&mut reader).await;
    reader.ack();
    eventually("an acked entry is deleted", async || peek(&bus, &mailbox_key, 9).await.len() == 4).await;
}

async fn include_those_that_arrive(bus: Bus) {
    let key = QUEUE.key();
    enqueue_all(&bus, 0..2).await;
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let passing = async {
        tokio::time::sleep(WATCH / 2).await;
        enqueue_all(&bus, 2..4).await;
        for _ in 0..4 {
            take(&mut worker).await.ack();
        }
    };
    let (seen, ()) = tokio::join!(bus.peek(&key, 1, WATCH), passing);
    assert_eq!(message_indices(&seen.unwrap().unwrap()), [1, 2, 3]);
    eventually_empty(&bus, &key).await;
}

async fn are_bounded(bus: Bus) {
    let _reader = bus.open(mailbox()).await.unwrap();
    let many = u32::try_from(MAX_ENTRIES).unwrap() + 5;
    post_all(&bus, 0..many).await;
    assert_eq!(peek(&bus, &mailbox().key(), usize::MAX).await.len(), MAX_ENTRIES);
    for number in 0..5 {
        bus.enqueue(QUEUE, &large(number, 400 << 10)).await.unwrap();
    }
    assert_eq!(message_indices(&peek(&bus, &QUEUE.key(), 9).await), [2, 3, 4], "1 MiB, and one entry more");
}

async fn are_none_without_a_stream(bus: Bus) {
    let _worker = bus.join_workers(QUEUE, "w1").await;
    assert_eq!(peek(&bus, &QUEUE.key(), 9).await, []);
    for key in [mailbox().key(), Log::Dead.key().to_owned(), "sb:session:1".to_owned(), String::new()] {
        assert_eq!(bus.peek(&key, 9, WATCH).await.unwrap(), None, "{key}");
    }
}
