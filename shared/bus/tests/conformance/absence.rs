//! A Redis that is not there: whoever sends is told so in time, whoever reads asks again at a bounded
//! pace, and what was finished meanwhile is finished in Redis too when it is back.

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

/// What `PATIENCE` promises, and what a busy machine adds.
const IN_TIME: Duration = Duration::from_millis(2_500);

fn record() -> CallRecord {
    CallRecord {
        call: CallId::from(MessageId::fresh()),
        event: CallEvent::Ringing,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: "a".into(),
        reason: None,
        duration_ms: None,
        steps: StepDurations::default(),
    }
}

async fn is_unavailable<T>(what: &str, operation: impl Future<Output = Result<T, SendError>>) {
    let asked = Instant::now();
    let error = operation.await.err();
    assert!(matches!(error, Some(SendError::Unavailable(_))), "{what}: {error:?}");
    assert!(asked.elapsed() < IN_TIME, "{what} took {:?}", asked.elapsed());
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
        is_unavailable("left_in", bus.read_undelivered(&mailbox, None)),
        is_unavailable("close", bus.close(&mailbox)),
        is_unavailable("tail", bus.tail(Log::Calls, 1)),
        is_unavailable("backlog", bus.backlog(&key)),
        is_unavailable("ping", bus.ping()),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_refused_in_time_while_redis_is_frozen_or_dead() {
    let mut server = Server::start();
    let bus = server.bus().await;
    server.signal("STOP");
    everything_is_unavailable(&bus).await;
    // Nothing gets slower with the number of those who have failed.
    everything_is_unavailable(&bus).await;
    server.signal("CONT");
    eventually("it is there again", async || bus.ping().await.is_ok()).await;
    server.kill();
    everything_is_unavailable(&bus).await;
    everything_is_unavailable(&bus).await;
}

/// How often somebody connects to a Redis that hangs up at once.
async fn visits(server: &Server, while_waiting: Duration) -> u32 {
    let listener = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let mut visits = 0;
    let counting = async {
        loop {
            drop(listener.accept().await);
            visits += 1;
        }
    };
    let _: Result<(), _> = timeout(while_waiting, counting).await;
    visits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_up_is_asked_less_and_less_often() {
    let mut server = Server::start();
    let bus = server.bus().await;
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    let mut notices = bus.subscribe().await;
    server.kill();
    let (waiting, visits) = tokio::join!(
        timeout(Duration::from_secs(4), async {
            tokio::select! {
                biased;
                _ = worker.next() => {}
                _ = reader.next() => {}
                _ = notices.next() => {}
            }
        }),
        visits(&server, Duration::from_secs(4)),
    );
    assert!(waiting.is_err(), "something came");
    assert!((5..100).contains(&visits), "{visits} visits in 4 s");
    server.start_again();
    eventually("the mailbox takes messages", async || bus.post(&mailbox(), &numbered(1)).await.is_ok()).await;
    assert_eq!(read(&mut reader).await, 1);
    enqueue_all(&bus, 2..3).await;
    assert_eq!(number(&take(&mut worker).await.message), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_is_trimmed_once_redis_is_back() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..20).await;
    let mut marks = Vec::new();
    for expected in 0..20 {
        assert_eq!(read(&mut reader).await, expected);
        marks.extend(reader.offset());
    }
    server.signal("STOP");
    for mark in &marks[..15] {
        reader.ack_through(*mark);
        sleep(Duration::from_millis(200)).await;
    }
    server.signal("CONT");
    let key = mailbox().key();
    eventually("what is done is gone", async || bus.backlog(&key).await.is_ok_and(|count| count == 5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_gone_is_made_anew_and_its_messages_come_again() {
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
