//! Redis is down: sends fail in time, readers retry at a bounded rate, and acknowledgements reach Redis once it is back.

use crate::redis_server::Server;
use crate::support::*;
use bus::message::{CallEvent, CallRecord, Notice, StepDurations};
use bus::topic::Log;
use bus::{Bus, SendError};
use common::{CallId, MessageId};
use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// `RESPONSE_TIMEOUT`, and the delays of a busy machine.
const IN_TIME: Duration = Duration::from_millis(2_500);

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

async fn is_unavailable<T>(what: &str, operation: impl Future<Output = Result<T, SendError>>) {
    let begun = Instant::now();
    let error = operation.await.err();
    assert!(matches!(error, Some(SendError::Unavailable(_))), "{what}: {error:?}");
    assert!(begun.elapsed() < IN_TIME, "{what} took {:?}", begun.elapsed());
}

async fn everything_is_unavailable(bus: &Bus) {
    let (message, mailbox, notice) = (numbered(0), mailbox(), Notice::BackendChanged("a".into()));
    let (record, key) = (record(), QUEUE.key());
    tokio::join!(
        is_unavailable("enqueue", bus.enqueue(QUEUE, &message)),
        is_unavailable("post", bus.post(&mailbox, &message)),
        is_unavailable("publish", bus.publish(&notice)),
        is_unavailable("log_calls", bus.log_calls(std::slice::from_ref(&record))),
        is_unavailable("open", bus.open(mailbox.clone())),
        is_unavailable("read_undelivered", bus.read_undelivered(&mailbox, None)),
        is_unavailable("close", bus.close(&mailbox)),
        is_unavailable("tail", bus.tail(Log::Calls, 1)),
        is_unavailable("backlog", bus.backlog(&key)),
        is_unavailable("ping", bus.ping()),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_fails_in_time_while_redis_is_down() {
    let mut server = Server::start();
    let bus = server.bus().await;
    server.signal("STOP");
    Box::pin(everything_is_unavailable(&bus)).await;
    // Earlier failures do not slow later ones.
    Box::pin(everything_is_unavailable(&bus)).await;
    server.signal("CONT");
    eventually("Redis replies again", async || bus.ping().await.is_ok()).await;
    server.kill();
    Box::pin(everything_is_unavailable(&bus)).await;
    Box::pin(everything_is_unavailable(&bus)).await;
}

/// Counts connections to a Redis that closes each one at once.
async fn connects(server: &Server, while_waiting: Duration) -> u32 {
    let listener = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let mut count = 0;
    let counting = async {
        loop {
            drop(listener.accept().await);
            count += 1;
        }
    };
    let _: Result<(), _> = timeout(while_waiting, counting).await;
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_become_rarer() {
    let mut server = Server::start();
    let bus = server.bus().await;
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    let mut notices = bus.subscribe().await;
    server.kill();
    let (waiting, count) = tokio::join!(
        timeout(Duration::from_secs(4), async {
            tokio::select! {
                biased;
                _ = worker.next() => {}
                _ = reader.next() => {}
                _ = notices.next() => {}
            }
        }),
        connects(&server, Duration::from_secs(4)),
    );
    assert!(waiting.is_err(), "a message arrived");
    assert!((5..100).contains(&count), "{count} connections in 4 s");
    server.restart();
    eventually("the mailbox takes messages", async || bus.post(&mailbox(), &numbered(1)).await.is_ok()).await;
    assert_eq!(read(&mut reader).await, 1);
    enqueue_all(&bus, 2..3).await;
    assert_eq!(number(&take(&mut worker).await.message), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acked_messages_are_trimmed_once_redis_is_back() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..20).await;
    let mut offsets = Vec::new();
    for expected in 0..20 {
        assert_eq!(read(&mut reader).await, expected);
        offsets.extend(reader.offset());
    }
    server.signal("STOP");
    for offset in &offsets[..15] {
        reader.ack_through(*offset);
        sleep(Duration::from_millis(200)).await;
    }
    server.signal("CONT");
    let key = mailbox().key();
    eventually("acked messages are deleted", async || bus.backlog(&key).await.is_ok_and(|count| count == 5))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destroyed_group_is_created_again() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    enqueue_all(&bus, 0..3).await;
    let held = take(&mut worker).await;
    let destroyed: i64 = server.command(&format!("XGROUP DESTROY {} workers", QUEUE.key())).await;
    assert_eq!(destroyed, 1);
    held.ack();
    enqueue_all(&bus, 3..5).await;
    let mut handled = Vec::new();
    while handled.last() != Some(&4) {
        let delivery = take(&mut worker).await;
        handled.push(number(&delivery.message));
        delivery.ack();
    }
    handled.sort_unstable();
    handled.dedup();
    assert!(handled.ends_with(&[1, 2, 3, 4]), "{handled:?}");
    eventually_empty(&bus, &QUEUE.key()).await;
}
