//! The choice of a call's backend.

use crate::harness::{Cluster, backend, call, call_id, client_request, message};
use bus::OVERLOADED_MAILBOX;
use bus::message::{Body, Location, Notice};
use bus::topic::Mailbox;
use common::BackendName;
use directory::record::BackendStatus;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

async fn pause() {
    sleep(Duration::from_millis(50)).await;
}

async fn backend_of(cluster: &Cluster, call: u128) -> Option<BackendName> {
    cluster.directory.call(call_id(call)).await.unwrap().map(|call| call.backend)
}

#[tokio::test(start_paused = true)]
async fn drained_backend_gets_no_calls() {
    let mut cluster = Cluster::with_users().await;
    let router = cluster.router();
    pause().await;
    cluster.directory.drain_backend(&backend()).await.unwrap();
    cluster.bus.publish(&Notice::BackendChanged(backend())).await.unwrap();
    pause().await;
    cluster.enqueue(&message(100, call(0, "bob"))).await;
    pause().await;
    assert_eq!(backend_of(&cluster, 100).await, None);
    assert!(format!("{:?}", cluster.at_edge().await).contains("502"));
    assert_eq!(router.unmet(), ["backends"]);
    cluster.directory.undrain_backend(&backend()).await.unwrap();
    // No notice is sent: the router finds it when it polls.
    sleep(Duration::from_millis(1_100)).await;
    cluster.enqueue(&message(101, call(0, "bob"))).await;
    pause().await;
    assert_eq!(backend_of(&cluster, 101).await, Some(backend()));
}

#[tokio::test(start_paused = true)]
async fn only_normal_backends_get_calls() {
    let cluster = Cluster::with_users().await;
    for (name, status) in [
        ("a", BackendStatus::Abnormal),
        ("b", BackendStatus::HighWater),
        ("c", BackendStatus::Maintenance),
        ("d", BackendStatus::Normal),
    ] {
        cluster.add_backend(name, status).await;
        let _mailbox = cluster.bus.open(Mailbox::Backend(BackendName::from(name))).await.unwrap();
    }
    for number in 100..120 {
        cluster.process(&message(number, call(0, "bob"))).await;
        assert_eq!(backend_of(&cluster, number).await, Some(BackendName::from("d")));
        cluster.directory.release_call(call_id(number)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn call_goes_to_another_backend_without_a_connector() {
    let mut cluster = Cluster::with_users().await;
    cluster.add_backend("gone", BackendStatus::Normal).await;
    for number in 100..110 {
        cluster.process(&message(number, call(0, "bob"))).await;
        assert_eq!(backend_of(&cluster, number).await, Some(backend()));
        cluster.directory.release_call(call_id(number)).await.unwrap();
    }
    let placed = cluster.at_backend().await;
    assert_eq!(placed.len(), 10);
    assert!(placed.iter().all(|message| matches!(message.body, Body::Place(_))));
    assert_eq!(cluster.directory.count_calls(&[BackendName::from("gone")]).await.unwrap(), [0]);
}

#[tokio::test(start_paused = true)]
async fn call_goes_to_a_backend_near_its_edge() {
    let cluster = Cluster::with_users().await;
    let places = [("b", ("berlin", "x")), ("c", ("berlin", "y")), ("p", ("paris", "x"))];
    let mut mailboxes = Vec::new();
    for (name, location) in places {
        cluster.add_backend_at(name, BackendStatus::Normal, location).await;
        mailboxes.push(cluster.bus.open(Mailbox::Backend(BackendName::from(name))).await.unwrap());
    }
    let cases = [("berlin", "y", "c"), ("paris", "z", "p"), ("paris", "", "p"), ("berlin", "x", "b")];
    for (number, (location, isp, expected)) in (100..).zip(cases) {
        let Body::Call(mut request) = call(0, "bob") else { unreachable!("it is a call") };
        request.location = Location { location: location.to_owned(), isp: isp.to_owned() };
        cluster.process(&message(number, Body::Call(request))).await;
        assert_eq!(backend_of(&cluster, number).await, Some(BackendName::from(expected)));
        cluster.directory.release_call(call_id(number)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn call_is_refused_without_any_connector() {
    let mut cluster = Cluster::with_users().await;
    cluster.bus.close(&Mailbox::Backend(backend())).await.unwrap();
    let before = cluster.state(&[call_id(100)]).await;
    cluster.process(&message(100, call(0, "bob"))).await;
    assert_eq!(cluster.state(&[call_id(100)]).await, before);
    assert!(format!("{:?}", cluster.at_edge().await).contains("502"));
}

#[tokio::test(start_paused = true)]
async fn call_is_refused_when_all_backends_are_overloaded() {
    let mut cluster = Cluster::with_users().await;
    let other = message(1, Body::Exists(client_request(0, json!({}))));
    for _ in 0..OVERLOADED_MAILBOX {
        cluster.bus.post(&Mailbox::Backend(backend()), &other).await.unwrap();
    }
    let before = cluster.state(&[call_id(100)]).await;
    cluster.process(&message(100, call(0, "bob"))).await;
    assert_eq!(cluster.state(&[call_id(100)]).await, before);
    let refusal = format!("{:?}", cluster.at_edge().await);
    assert!(refusal.contains("503") && refusal.contains("overloaded: true"), "{refusal}");
    cluster.add_backend("b", BackendStatus::Normal).await;
    let _mailbox = cluster.bus.open(Mailbox::Backend(BackendName::from("b"))).await.unwrap();
    cluster.process(&message(101, call(0, "bob"))).await;
    assert_eq!(backend_of(&cluster, 101).await, Some(BackendName::from("b")));
}
