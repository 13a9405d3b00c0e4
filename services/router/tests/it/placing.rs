//! Which backend gets a call.

use crate::bench::{Cluster, asks, backend, call, call_id, message};
use bus::OVERLOADED_MAILBOX;
use bus::message::{Body, Location, Notice};
use bus::topic::Mailbox;
use common::BackendName;
use directory::record::BackendStatus;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

async fn moment() {
    sleep(Duration::from_millis(50)).await;
}

async fn backend_of(cluster: &Cluster, call: u128) -> Option<BackendName> {
    cluster.directory.call(call_id(call)).await.unwrap().map(|call| call.backend)
}

#[tokio::test(start_paused = true)]
async fn a_backend_gets_no_call_from_the_moment_it_is_drained_until_it_is_undrained() {
    let mut cluster = Cluster::populated().await;
    let router = cluster.router();
    moment().await;
    cluster.directory.drain_backend(&backend()).await.unwrap();
    cluster.bus.publish(&Notice::BackendChanged(backend())).await.unwrap();
    moment().await;
    cluster.enqueue(&message(100, call(0, "bob"))).await;
    moment().await;
    assert_eq!(backend_of(&cluster, 100).await, None);
    assert!(format!("{:?}", cluster.at_edge().await).contains("502"));
    assert_eq!(router.complaints(), ["backends"]);
    cluster.directory.undrain_backend(&backend()).await.unwrap();
    // Nobody says so: it is found by looking.
    sleep(Duration::from_millis(1_100)).await;
    cluster.enqueue(&message(101, call(0, "bob"))).await;
    moment().await;
    assert_eq!(backend_of(&cluster, 101).await, Some(backend()));
}

#[tokio::test(start_paused = true)]
async fn only_backends_that_are_normal_get_calls() {
    let cluster = Cluster::populated().await;
    for (name, status) in [
        ("a", BackendStatus::Abnormal),
        ("b", BackendStatus::HighWater),
        ("c", BackendStatus::Maintenance),
        ("d", BackendStatus::Normal),
    ] {
        cluster.announce(name, status).await;
        let _mailbox = cluster.bus.open(Mailbox::Backend(BackendName::from(name))).await.unwrap();
    }
    for number in 100..120 {
        cluster.ask(&message(number, call(0, "bob"))).await;
        assert_eq!(backend_of(&cluster, number).await, Some(BackendName::from("d")));
        cluster.directory.release_call(call_id(number)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_to_another_backend_when_nobody_reads_for_the_first() {
    let mut cluster = Cluster::populated().await;
    cluster.announce("gone", BackendStatus::Normal).await;
    for number in 100..110 {
        cluster.ask(&message(number, call(0, "bob"))).await;
        assert_eq!(backend_of(&cluster, number).await, Some(backend()));
        cluster.directory.release_call(call_id(number)).await.unwrap();
    }
    let placed = cluster.at_backend().await;
    assert_eq!(placed.len(), 10);
    assert!(placed.iter().all(|message| matches!(message.body, Body::Place(_))));
    assert_eq!(cluster.directory.count_calls(&[BackendName::from("gone")]).await.unwrap(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_to_a_backend_near_its_edge() {
    let cluster = Cluster::populated().await;
    let places = [("b", ("berlin", "x")), ("c", ("berlin", "y")), ("p", ("paris", "x"))];
    let mut mailboxes = Vec::new();
    for (name, site) in places {
        cluster.announce_at(name, BackendStatus::Normal, site).await;
        mailboxes.push(cluster.bus.open(Mailbox::Backend(BackendName::from(name))).await.unwrap());
    }
    let cases = [("berlin", "y", "c"), ("paris", "z", "p"), ("paris", "", "p"), ("berlin", "x", "b")];
    for (number, (location, isp, expected)) in (100..).zip(cases) {
        let Body::Call(mut asks) = call(0, "bob") else { unreachable!("it is a call") };
        asks.location = Location { location: location.to_owned(), isp: isp.to_owned() };
        cluster.ask(&message(number, Body::Call(asks))).await;
        assert_eq!(backend_of(&cluster, number).await, Some(BackendName::from(expected)));
        cluster.directory.release_call(call_id(number)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_reads_for_any_the_call_is_refused_and_nothing_is_left() {
    let mut cluster = Cluster::populated().await;
    cluster.bus.close(&Mailbox::Backend(backend())).await.unwrap();
    let before = cluster.state(&[call_id(100)]).await;
    cluster.ask(&message(100, call(0, "bob"))).await;
    assert_eq!(cluster.state(&[call_id(100)]).await, before);
    assert!(format!("{:?}", cluster.at_edge().await).contains("502"));
}

#[tokio::test(start_paused = true)]
async fn where_too_much_waits_for_all_the_call_is_refused_at_once_and_nothing_is_left() {
    let mut cluster = Cluster::populated().await;
    let other = message(1, Body::Exists(asks(0, json!({}))));
    for _ in 0..OVERLOADED_MAILBOX {
        cluster.bus.post(&Mailbox::Backend(backend()), &other).await.unwrap();
    }
    let before = cluster.state(&[call_id(100)]).await;
    cluster.ask(&message(100, call(0, "bob"))).await;
    assert_eq!(cluster.state(&[call_id(100)]).await, before);
    let refusal = format!("{:?}", cluster.at_edge().await);
    assert!(refusal.contains("503") && refusal.contains("crowded: true"), "{refusal}");
    cluster.announce("b", BackendStatus::Normal).await;
    let _mailbox = cluster.bus.open(Mailbox::Backend(BackendName::from("b"))).await.unwrap();
    cluster.ask(&message(101, call(0, "bob"))).await;
    assert_eq!(backend_of(&cluster, 101).await, Some(BackendName::from("b")));
}
