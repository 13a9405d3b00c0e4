//! Mailboxes keep their order, and the next owner continues where the last one stopped.

use crate::on_both;
use crate::redis_server::Server;
use crate::support::*;
use bus::{Bus, MAILBOX_TTL, SendError};
use std::time::Duration;
use tokio::time::{Instant, advance, sleep, timeout};

on_both![
    keeps_the_order,
    continues_where_the_last_owner_stopped,
    keeps_unacked_messages,
    does_not_exist_before_it_is_opened,
    does_not_exist_once_closed,
    stays_closed_under_its_reader,
    is_empty_when_opened_again,
    wakes_its_waiting_owner_at_once,
    loses_nothing_when_next_is_dropped,
];

async fn keeps_the_order(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..500).await;
    for expected in 0..500 {
        assert_eq!(read(&mut reader).await, expected);
    }
    assert_eq!(bus.backlog(&mailbox().key()).await.unwrap(), 500, "trimmed before it was acknowledged");
    reader.ack();
    eventually_empty(&bus, &mailbox().key()).await;
}

async fn continues_where_the_last_owner_stopped(bus: Bus) {
    let mut first = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..10).await;
    for _ in 0..4 {
        read(&mut first).await;
    }
    first.ack();
    // Read and not acknowledged: the next owner reads it again.
    assert_eq!(read(&mut first).await, 4);
    drop(first);
    let key = mailbox().key();
    eventually("acked messages are deleted", async || bus.backlog(&key).await.unwrap() == 6).await;
    post_all(&bus, 10..12).await;
    let mut second = bus.open(mailbox()).await.unwrap();
    for expected in 4..12 {
        assert_eq!(read(&mut second).await, expected);
    }
}

async fn keeps_unacked_messages(bus: Bus) {
    let mut first = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..3).await;
    // No message was returned, so none is acknowledged, although some were read ahead.
    first.ack();
    assert_eq!(read(&mut first).await, 0);
    drop(first);
    let mut second = bus.open(mailbox()).await.unwrap();
    for expected in 0..3 {
        assert_eq!(read(&mut second).await, expected);
    }
}

async fn does_not_exist_before_it_is_opened(bus: Bus) {
    let refused = bus.post(&mailbox(), &numbered(0)).await;
    assert!(matches!(refused, Err(SendError::NoMailbox)), "{refused:?}");
    let _reader = bus.open(mailbox()).await.unwrap();
    bus.post(&mailbox(), &numbered(0)).await.unwrap();
}

async fn does_not_exist_once_closed(bus: Bus) {
    let reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..3).await;
    drop(reader);
    bus.close(&mailbox()).await.unwrap();
    let refused = bus.post(&mailbox(), &numbered(3)).await;
    assert!(matches!(refused, Err(SendError::NoMailbox)), "{refused:?}");
    assert_eq!(bus.backlog(&mailbox().key()).await.unwrap(), 0);
}

async fn stays_closed_under_its_reader(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    bus.close(&mailbox()).await.unwrap();
    let nothing = timeout(Duration::from_secs(2), reader.next()).await;
    assert!(nothing.is_err());
    let refused = bus.post(&mailbox(), &numbered(0)).await;
    assert!(matches!(refused, Err(SendError::NoMailbox)), "{refused:?}");
}

async fn is_empty_when_opened_again(bus: Bus) {
    let first = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..3).await;
    drop(first);
    bus.close(&mailbox()).await.unwrap();
    let mut second = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 3..4).await;
    assert_eq!(read(&mut second).await, 3);
}

async fn wakes_its_waiting_owner_at_once(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    for round in 0..3 {
        let waiting = tokio::spawn(async move {
            let number = read(&mut reader).await;
            (Instant::now(), number, reader)
        });
        // Longer than any default timeout of a connection.
        sleep(Duration::from_millis(1200)).await;
        let sent = Instant::now();
        post_all(&bus, round..round + 1).await;
        let (woken, number, returned) = waiting.await.unwrap();
        let after = woken - sent;
        assert!(after < Duration::from_millis(250), "woken after {after:?}");
        assert_eq!(number, round);
        reader = returned;
    }
}

async fn loses_nothing_when_next_is_dropped(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    let sender = bus.clone();
    let sending = tokio::spawn(async move {
        for number in 0..100 {
            post_all(&sender, number..number + 1).await;
            sleep(Duration::from_millis(3)).await;
        }
    });
    let mut expected = 0;
    let deadline = Instant::now() + SOON;
    while expected < 100 {
        assert!(Instant::now() < deadline, "{expected} did not arrive");
        if let Ok(message) = timeout(Duration::from_millis(2), reader.next()).await {
            assert_eq!(number(&message), expected);
            expected += 1;
        }
    }
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn abandoned_mailbox_expires() {
    let bus = Bus::memory();
    let reader = bus.open(mailbox()).await.unwrap();
    advance(MAILBOX_TTL * 2).await;
    post_all(&bus, 0..1).await;
    drop(reader);
    advance(MAILBOX_TTL - Duration::from_secs(1)).await;
    post_all(&bus, 1..2).await;
    advance(Duration::from_secs(2)).await;
    let refused = bus.post(&mailbox(), &numbered(2)).await;
    assert!(matches!(refused, Err(SendError::NoMailbox)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ttl_of_an_owned_mailbox_is_renewed() {
    let server = Server::start();
    let bus = server.bus().await;
    let key = mailbox().key();
    let _reader = bus.open(mailbox()).await.unwrap();
    let full: i64 = MAILBOX_TTL.as_millis() as i64;
    let left: i64 = server.command(&format!("PTTL {key}")).await;
    assert!((full - 2_000..=full).contains(&left), "{left}");
    let _: i64 = server.command(&format!("PEXPIRE {key} 5000")).await;
    eventually("the TTL is renewed", async || {
        server.command::<i64>(&format!("PTTL {key}")).await > full - 2_000
    })
    .await;
}
