//! Notices reach every current subscriber, in order.

use crate::on_both;
use crate::support::*;
use bus::Bus;
use bus::message::{Canary, Notice};
use common::ServiceId;

on_both![reach_every_subscriber, reach_their_sender, keep_their_order, drop_the_oldest_for_a_slow_subscriber,];

fn notice(number: u32) -> Notice {
    Notice::NameDisplaced(number.to_string())
}

async fn reach_every_subscriber(bus: Bus) {
    let (mut first, mut second) = (bus.subscribe().await, bus.subscribe().await);
    let changed = Notice::BackendChanged("a".into());
    bus.publish(&changed).await.unwrap();
    assert_eq!(within(SOON, first.next()).await, changed);
    assert_eq!(within(SOON, second.next()).await, changed);
    // A later subscriber receives only later notices.
    let mut late = bus.subscribe().await;
    bus.publish(&notice(2)).await.unwrap();
    assert_eq!(within(SOON, late.next()).await, notice(2));
    assert_eq!(within(SOON, first.next()).await, notice(2));
}

async fn reach_their_sender(bus: Bus) {
    let mut own = bus.subscribe().await;
    let from = ServiceId::from("router-1");
    let canary = Notice::Canary(Canary { from, stream: "notices".to_owned(), number: 1 });
    bus.publish(&canary).await.unwrap();
    assert_eq!(within(SOON, own.next()).await, canary);
}

async fn keep_their_order(bus: Bus) {
    let mut notices = bus.subscribe().await;
    for number in 0..200 {
        bus.publish(&notice(number)).await.unwrap();
    }
    for number in 0..200 {
        assert_eq!(within(SOON, notices.next()).await, notice(number));
    }
}

async fn drop_the_oldest_for_a_slow_subscriber(bus: Bus) {
    let mut slow = bus.subscribe().await;
    let mut quick = bus.subscribe().await;
    for number in 0..3000 {
        bus.publish(&notice(number)).await.unwrap();
        assert_eq!(within(SOON, quick.next()).await, notice(number));
    }
    // The slow subscriber receives the newest notices, as many as its buffer holds.
    let mut received = vec![within(SOON, slow.next()).await];
    while received.last() != Some(&notice(2999)) {
        received.push(within(SOON, slow.next()).await);
    }
    assert!(received.len() <= 1024 + 1, "{} were kept", received.len());
    assert!(received.len() >= 1000, "only {} were kept", received.len());
}
