//! Queues deliver to one of many workers, and again after a failure, five times at most.

use crate::on_both;
use crate::support::*;
use bus::message::{Body, Canary, Message};
use bus::topic::Log;
use bus::{Bus, Delivery, MAX_DELIVERIES, REDELIVER_AFTER};
use common::ServiceId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

on_both![
    keeps_the_order_for_one_worker,
    delivers_each_message_to_one_worker,
    keeps_messages_without_workers,
    redelivers_when_a_worker_dies,
    redelivers_prefetched_messages_of_a_dead_worker,
    dead_letters_after_five_failures,
    dead_letters_after_five_unacked_deliveries,
    drops_a_failed_canary,
    redelivers_at_once_when_a_worker_leaves,
    wakes_a_waiting_worker_at_once,
    loses_nothing_when_next_is_dropped,
    delivers_nothing_to_an_inactive_worker,
    accepts_a_late_ack,
    delivers_nothing_to_a_worker_that_left,
    redelivers_nothing_of_a_slow_worker,
];

async fn keeps_the_order_for_one_worker(bus: Bus) {
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    enqueue_all(&bus, 0..200).await;
    for expected in 0..200 {
        let delivery = take(&mut worker).await;
        assert_eq!((number(&delivery.message), delivery.attempt), (expected, 1));
        delivery.ack();
    }
    eventually_empty(&bus, &QUEUE.key()).await;
}

async fn delivers_each_message_to_one_worker(bus: Bus) {
    let (sender, mut handled) = mpsc::unbounded_channel();
    for name in ["w1", "w2", "w3"] {
        let (bus, sender) = (bus.clone(), sender.clone());
        tokio::spawn(async move {
            let mut worker = bus.join_workers(QUEUE, name).await;
            loop {
                let delivery = worker.next().await;
                sender.send((number(&delivery.message), name)).unwrap();
                delivery.ack();
            }
        });
    }
    enqueue_all(&bus, 0..300).await;
    let mut handled_by = BTreeMap::new();
    for _ in 0..300 {
        let (number, name) = within(SOON, handled.recv()).await.unwrap();
        assert_eq!(handled_by.insert(number, name), None, "{number} was handled twice");
    }
    eventually_empty(&bus, &QUEUE.key()).await;
    let extra = timeout(REDELIVER_AFTER * 2, handled.recv()).await;
    assert!(extra.is_err(), "handled again: {extra:?}");
}

async fn keeps_messages_without_workers(bus: Bus) {
    enqueue_all(&bus, 0..3).await;
    assert_eq!(bus.backlog(&QUEUE.key()).await.unwrap(), 3);
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    for expected in 0..3 {
        assert_eq!(number(&take(&mut worker).await.message), expected);
    }
}

async fn redelivers_when_a_worker_dies(bus: Bus) {
    enqueue_all(&bus, 0..1).await;
    let mut dying = bus.join_workers(QUEUE, "w1").await;
    let mut other = bus.join_workers(QUEUE, "w2").await;
    drop(take(&mut dying).await);
    drop(dying);
    let died = Instant::now();
    sleep(REDELIVER_AFTER / 2).await;
    enqueue_all(&bus, 1..2).await;
    let newer = take(&mut other).await;
    assert_eq!((number(&newer.message), newer.attempt), (1, 1), "it is not yet overdue");
    newer.ack();
    let delivery = take(&mut other).await;
    let after = died.elapsed();
    assert_eq!((number(&delivery.message), delivery.attempt), (0, 2));
    assert!(after >= REDELIVER_AFTER - Duration::from_millis(100), "too early: {after:?}");
    assert!(after <= REDELIVER_AFTER + Duration::from_secs(1), "too late: {after:?}");
    delivery.ack();
    eventually_empty(&bus, &QUEUE.key()).await;
}

async fn redelivers_prefetched_messages_of_a_dead_worker(bus: Bus) {
    enqueue_all(&bus, 0..20).await;
    let mut dying = bus.join_workers(QUEUE, "w1").await;
    take(&mut dying).await.ack();
    drop(dying);
    let mut other = bus.join_workers(QUEUE, "w2").await;
    for expected in 1..20 {
        let delivery = within(REDELIVER_AFTER + Duration::from_secs(1), other.next()).await;
        assert_eq!(number(&delivery.message), expected);
        delivery.ack();
    }
    eventually_empty(&bus, &QUEUE.key()).await;
}

async fn dead_letters_after_five_failures(bus: Bus) {
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let message = numbered(7);
    bus.enqueue(QUEUE, &message).await.unwrap();
    for attempt in 1..=MAX_DELIVERIES {
        let delivery = take(&mut worker).await;
        assert_eq!((delivery.message.id, delivery.attempt), (message.id, attempt));
        delivery.nack(&format!("error {attempt}"));
    }
    let line = dead_letter(&bus).await;
    assert_eq!(line["error"], "error 5");
    assert_eq!(line["stream"], QUEUE.key());
    assert_eq!(line["id"], message.id.to_string());
    assert_eq!(line["kind"], "exists");
    assert!(line["payload"].contains("\"transaction\":\"7\""));
    eventually_empty(&bus, &QUEUE.key()).await;
}

async fn dead_letters_after_five_unacked_deliveries(bus: Bus) {
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    enqueue_all(&bus, 0..1).await;
    for attempt in 1..=MAX_DELIVERIES {
        assert_eq!(take(&mut worker).await.attempt, attempt);
    }
    let sixth = timeout(REDELIVER_AFTER * 2, worker.next()).await;
    assert!(sixth.is_err(), "delivered a sixth time");
    assert!(dead_letter(&bus).await["error"].contains("never finished"));
    eventually_empty(&bus, &QUEUE.key()).await;
}

async fn dead_letter(bus: &Bus) -> BTreeMap<String, String> {
    eventually("it is in the dead log", async || bus.tail(Log::Dead, 10).await.unwrap().len() == 1).await;
    bus.tail(Log::Dead, 10).await.unwrap().remove(0).into_iter().collect()
}

async fn drops_a_failed_canary(bus: Bus) {
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let canary = Canary { from: ServiceId::from("edge-1"), stream: "requests:0".to_owned(), number: 1 };
    bus.enqueue(QUEUE, &Message::new(Body::Canary(canary))).await.unwrap();
    for _ in 1..=MAX_DELIVERIES {
        take(&mut worker).await.nack("no answer");
    }
    eventually_empty(&bus, &QUEUE.key()).await;
    assert!(bus.tail(Log::Dead, 10).await.unwrap().is_empty());
}

async fn redelivers_at_once_when_a_worker_leaves(bus: Bus) {
    enqueue_all(&bus, 0..10).await;
    let mut leaving = bus.join_workers(QUEUE, "w1").await;
    take(&mut leaving).await.ack();
    let held: Vec<Delivery> = vec![take(&mut leaving).await, take(&mut leaving).await];
    let mut other = bus.join_workers(QUEUE, "w2").await;
    let begun = Instant::now();
    leaving.leave().await;
    let mut attempts = BTreeMap::new();
    for _ in 1..10 {
        let delivery = take(&mut other).await;
        attempts.insert(number(&delivery.message), delivery.attempt);
        delivery.ack();
    }
    let took = begun.elapsed();
    let expected = (1..10).map(|number| (number, if number < 3 { 2 } else { 1 }));
    assert_eq!(attempts, expected.collect());
    assert!(took < REDELIVER_AFTER * 3 / 4, "not at once: {took:?}");
    drop(held);
    eventually_empty(&bus, &QUEUE.key()).await;
}

async fn wakes_a_waiting_worker_at_once(bus: Bus) {
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    for round in 0..3 {
        let waiting = tokio::spawn(async move {
            let delivery = take(&mut worker).await;
            (Instant::now(), delivery, worker)
        });
        // Longer than any default timeout of a connection.
        sleep(Duration::from_millis(1200)).await;
        let sent = Instant::now();
        enqueue_all(&bus, round..round + 1).await;
        let (woken, delivery, returned) = waiting.await.unwrap();
        let after = woken - sent;
        assert!(after < Duration::from_millis(250), "woken after {after:?}");
        assert_eq!((number(&delivery.message), delivery.attempt), (round, 1));
        delivery.ack();
        worker = returned;
    }
}

async fn loses_nothing_when_next_is_dropped(bus: Bus) {
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let sender = bus.clone();
    let sending = tokio::spawn(async move {
        for number in 0..100 {
            enqueue_all(&sender, number..number + 1).await;
            sleep(Duration::from_millis(3)).await;
        }
    });
    let mut expected = 0;
    let deadline = Instant::now() + SOON;
    while expected < 100 {
        assert!(Instant::now() < deadline, "{expected} did not arrive");
        if let Ok(delivery) = timeout(Duration::from_millis(2), worker.next()).await {
            assert_eq!((number(&delivery.message), delivery.attempt), (expected, 1));
            delivery.ack();
            expected += 1;
        }
    }
    sending.await.unwrap();
}

async fn delivers_nothing_to_an_inactive_worker(bus: Bus) {
    let mut busy = bus.join_workers(QUEUE, "w1").await;
    assert!(timeout(Duration::from_millis(300), busy.next()).await.is_err());
    enqueue_all(&bus, 0..5).await;
    let mut other = bus.join_workers(QUEUE, "w2").await;
    for _ in 0..5 {
        let delivery = within(Duration::from_secs(3), other.next()).await;
        assert_eq!(delivery.attempt, 1, "a prefetched message was not delivered");
        delivery.ack();
    }
    eventually_empty(&bus, &QUEUE.key()).await;
}

async fn accepts_a_late_ack(bus: Bus) {
    enqueue_all(&bus, 0..1).await;
    let mut slow = bus.join_workers(QUEUE, "w1").await;
    let mut other = bus.join_workers(QUEUE, "w2").await;
    let late = take(&mut slow).await;
    let again = take(&mut other).await;
    assert_eq!((late.message.id, again.attempt), (again.message.id, 2));
    late.ack();
    eventually_empty(&bus, &QUEUE.key()).await;
    drop(again);
    let third = timeout(REDELIVER_AFTER * 2, other.next()).await;
    assert!(third.is_err(), "redelivered although it was acknowledged");
}

async fn delivers_nothing_to_a_worker_that_left(bus: Bus) {
    let mut other = bus.join_workers(QUEUE, "other").await;
    for round in 0..4 {
        let name = format!("gone-{round}");
        let mut gone = bus.join_workers(QUEUE, &name).await;
        // Both wait, and one of them stops.
        assert!(timeout(Duration::from_millis(50), gone.next()).await.is_err());
        if round % 2 == 0 {
            gone.leave().await;
        } else {
            drop(gone);
            sleep(Duration::from_millis(50)).await;
        }
        enqueue_all(&bus, round..round + 1).await;
        let delivery = timeout(Duration::from_millis(500), other.next()).await;
        let delivery = delivery.unwrap_or_else(|_| panic!("round {round}: delivered to a worker that left"));
        assert_eq!((number(&delivery.message), delivery.attempt), (round, 1));
        delivery.ack();
    }
}

async fn redelivers_nothing_of_a_slow_worker(bus: Bus) {
    enqueue_all(&bus, 0..6).await;
    let mut steady = bus.join_workers(QUEUE, "w1").await;
    for expected in 0..6 {
        let delivery = take(&mut steady).await;
        assert_eq!((number(&delivery.message), delivery.attempt), (expected, 1));
        // All together take longer than REDELIVER_AFTER.
        sleep(REDELIVER_AFTER / 3).await;
        delivery.ack();
    }
}
