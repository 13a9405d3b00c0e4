//! The statistics of the existing streams.

use crate::on_both;
use crate::redis_server::Server;
use crate::support::*;
use bus::inspect::{CONSUMER_IDLE_LIMIT, StreamKind, StreamStats};
use bus::message::{CallEvent, CallRecord, StepDurations};
use bus::topic::{Log, Mailbox};
use bus::{Bus, MAX_DELIVERIES};
use common::{CallId, MessageId, ServiceId};
use std::time::Duration;
use tokio::time::{Instant, sleep};

on_both![
    cover_existing_streams_only,
    count_the_messages_of_a_queue,
    count_the_workers_of_a_queue,
    count_redeliveries,
    count_the_messages_of_a_mailbox,
    count_the_lines_of_a_log,
    are_read_in_pages,
];

/// The difference of two clocks.
const SLACK: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(100);

async fn all(bus: &Bus) -> Vec<StreamStats> {
    bus.stream_stats(&[mailbox()]).await.unwrap()
}

async fn stream(bus: &Bus, key: &str) -> Option<StreamStats> {
    all(bus).await.into_iter().find(|stats| stats.key == key)
}

async fn queue(bus: &Bus) -> StreamStats {
    stream(bus, &QUEUE.key()).await.unwrap()
}

fn record() -> CallRecord {
    CallRecord {
        call: CallId::from(MessageId::fresh()),
        event: CallEvent::Ringing,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: "a".into(),
        kind: None,
        reason: None,
        duration_ms: None,
        steps: StepDurations::default(),
    }
}

async fn cover_existing_streams_only(bus: Bus) {
    assert_eq!(all(&bus).await, []);
    bus.log_calls(&[record()]).await.unwrap();
    let _reader = bus.open(mailbox()).await.unwrap();
    let _worker = bus.join_workers(QUEUE, "w1").await;
    let seen: Vec<_> = all(&bus).await.into_iter().map(|stats| (stats.key, stats.kind)).collect();
    let (queue, mailbox, log) = (QUEUE.key(), mailbox().key(), Log::Calls.key().to_owned());
    assert_eq!(seen, [(queue, StreamKind::Queue), (mailbox, StreamKind::Mailbox), (log, StreamKind::Log)]);
    bus.close(&self::mailbox()).await.unwrap();
    assert_eq!(stream(&bus, &self::mailbox().key()).await, None);
}

async fn count_the_messages_of_a_queue(bus: Bus) {
    enqueue_all(&bus, 0..1).await;
    sleep(PAUSE).await;
    let second = Instant::now();
    enqueue_all(&bus, 1..3).await;
    let waiting = queue(&bus).await;
    assert_eq!((waiting.length, waiting.added), (3, 3));
    assert_eq!(waiting.workers.unwrap().pending, 0);
    let oldest = waiting.oldest.unwrap();
    assert!(oldest + SLACK >= PAUSE && oldest < SOON, "{oldest:?}");
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let delivery = take(&mut worker).await;
    let delivered = queue(&bus).await;
    assert!(delivered.length == 3 && (1..=3).contains(&delivered.workers.unwrap().pending), "{delivered:?}");
    assert!(delivered.oldest.unwrap() + SLACK >= oldest, "a delivered message stays");
    delivery.ack();
    eventually("one is acknowledged", async || queue(&bus).await.length == 2).await;
    let left = queue(&bus).await;
    assert_eq!(left.added, 3);
    assert!(left.oldest.unwrap() <= second.elapsed() + SLACK, "{left:?}");
    for _ in 0..2 {
        take(&mut worker).await.ack();
    }
    eventually("all are acknowledged", async || queue(&bus).await.length == 0).await;
    let idle = queue(&bus).await;
    assert_eq!((idle.added, idle.oldest, idle.workers.unwrap().pending), (3, None, 0));
}

async fn count_the_workers_of_a_queue(bus: Bus) {
    let consumers = async || queue(&bus).await.workers.unwrap().consumers;
    let (first, second) = (bus.join_workers(QUEUE, "w1").await, bus.join_workers(QUEUE, "w2").await);
    eventually("both are counted", async || consumers().await == 2).await;
    sleep(CONSUMER_IDLE_LIMIT + PAUSE).await;
    assert_eq!(consumers().await, 2, "idle workers are counted");
    second.leave().await;
    drop(first);
    let gone = Instant::now();
    while consumers().await > 0 {
        assert!(gone.elapsed() < CONSUMER_IDLE_LIMIT + SOON, "they are still counted");
        sleep(PAUSE).await;
    }
}

async fn count_redeliveries(bus: Bus) {
    let redelivered = async || queue(&bus).await.workers.unwrap().redelivered;
    enqueue_all(&bus, 0..2).await;
    let mut first = bus.join_workers(QUEUE, "w1").await;
    take(&mut first).await.ack();
    take(&mut first).await;
    assert_eq!(redelivered().await, 0);
    let mut second = bus.join_workers(QUEUE, "w2").await;
    within(SOON * 2, second.next()).await.ack();
    eventually("the redelivery is counted", async || redelivered().await == 1).await;
}

async fn count_the_messages_of_a_mailbox(bus: Bus) {
    let seen = async || stream(&bus, &mailbox().key()).await.unwrap();
    let mut reader = bus.open(mailbox()).await.unwrap();
    let empty = seen().await;
    assert_eq!((empty.length, empty.added, empty.oldest, empty.workers), (0, 0, None, None));
    post_all(&bus, 0..1).await;
    sleep(PAUSE).await;
    let second = Instant::now();
    post_all(&bus, 1..3).await;
    read(&mut reader).await;
    let waiting = seen().await;
    assert_eq!((waiting.length, waiting.added), (3, 3));
    assert!(waiting.oldest.unwrap() + SLACK >= PAUSE, "a read message stays");
    reader.ack();
    eventually("one is acknowledged", async || seen().await.length == 2).await;
    assert!(seen().await.oldest.unwrap() <= second.elapsed() + SLACK);
    for _ in 0..2 {
        read(&mut reader).await;
    }
    reader.ack();
    eventually("all are acknowledged", async || seen().await.length == 0).await;
    let idle = seen().await;
    assert_eq!((idle.added, idle.oldest), (3, None));
}

async fn count_the_lines_of_a_log(bus: Bus) {
    for _ in 0..7 {
        bus.log_calls(&[record()]).await.unwrap();
    }
    let log = stream(&bus, Log::Calls.key()).await.unwrap();
    assert_eq!((log.length, log.added, log.oldest, log.workers), (7, 7, None, None));
    assert_eq!(stream(&bus, Log::Dead.key()).await, None);
    enqueue_all(&bus, 0..1).await;
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    for _ in 0..MAX_DELIVERIES {
        within(SOON * 2, worker.next()).await.nack("no luck");
    }
    eventually("it is in the dead log", async || stream(&bus, Log::Dead.key()).await.is_some()).await;
    assert_eq!(stream(&bus, Log::Dead.key()).await.unwrap().length, 1);
}

async fn are_read_in_pages(bus: Bus) {
    let mailboxes: Vec<_> =
        (0..1_200).map(|number| Mailbox::Edge(ServiceId::from(format!("edge-{number}").as_str()))).collect();
    let mut readers = Vec::new();
    for number in [3, 700, 1_199] {
        readers.push(bus.open(mailboxes[number].clone()).await.unwrap());
        bus.post(&mailboxes[number], &numbered(0)).await.unwrap();
    }
    let seen = bus.stream_stats(&mailboxes).await.unwrap();
    let keys: Vec<_> = seen.iter().map(|stats| stats.key.as_str()).collect();
    assert_eq!(keys, ["sb:{edge-3}", "sb:{edge-700}", "sb:{edge-1199}"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_other_types_are_skipped() {
    let server = Server::start();
    let bus = server.bus().await;
    let _: String = server.command("SET sb:calls x").await;
    let _: String = server.command("XADD sb:dead 5-1 payload x").await;
    let seen = all(&bus).await;
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].key.as_str(), seen[0].length, seen[0].added), ("sb:dead", 1, 1));
}
