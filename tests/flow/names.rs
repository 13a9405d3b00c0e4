//! Names: registration, lookup, listing.

use super::call::connect;
use crate::fixture::{Switchboard, on_both_buses};
use serde_json::json;
use testkit::Client;

on_both_buses!(
    exists_reports_registered_names,
    list_contains_all_names,
    the_latest_registration_wins,
    detach_releases_the_name,
    moved_name_survives_its_former_handle,
    any_text_is_a_name,
);

async fn exists(client: &mut Client, name: &str) -> serde_json::Value {
    client.request_plugin(json!({"request": "exists", "username": name}), None).await["result"].clone()
}

async fn exists_reports_registered_names(switchboard: Switchboard) {
    let (mut alice, bob) = switchboard.alice_and_bob().await;
    assert_eq!(exists(&mut alice, "bob").await, json!({"username": "bob", "registered": true}));
    assert_eq!(exists(&mut alice, "carol").await, json!({"username": "carol", "registered": false}));
    drop(bob);
    let mut other = Client::attached(&switchboard.edge_url(0)).await;
    assert_eq!(exists(&mut other, "alice").await["registered"], true);
    let answer = other.request_plugin(json!({"request": "exists"}), None).await;
    assert_eq!(answer["error_code"], 475);
}

async fn list_contains_all_names(switchboard: Switchboard) {
    let (mut alice, _bob) = switchboard.alice_and_bob().await;
    let mut names = alice.list().await;
    names.sort();
    assert_eq!(names, ["alice", "bob"]);
}

async fn the_latest_registration_wins(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let mut second = Client::registered(&switchboard.edge_url(1), "alice").await;
    let (lost, _) = alice.expect_event("unregistered").await;
    assert_eq!(lost["username"], "alice");
    bob.call("alice").await;
    second.expect_event("incomingcall").await;
    alice.expect_no("incomingcall").await;
    assert_eq!(alice.try_call("bob").await["error_code"], 473);
    alice.register("alice again").await;
}

async fn detach_releases_the_name(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    bob.detach().await;
    testkit::eventually("bob's name is free", async || {
        exists(&mut alice, "bob").await["registered"] == false
    })
    .await;
    assert_eq!(alice.try_call("bob").await["error_code"], 478);
    bob.attach().await;
    bob.register("bob").await;
    connect(&mut alice, &mut bob).await;
}

async fn moved_name_survives_its_former_handle(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    let mut second = Client::registered(&switchboard.edge_url(0), "alice").await;
    alice.expect_event("unregistered").await;
    alice.detach().await;
    bob.expect_core("hangup").await;
    bob.call("alice").await;
    second.expect_event("incomingcall").await;
    second.accept().await;
    bob.expect_event("accepted").await;
    second.hangup().await;
    second.destroy().await;
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}

async fn any_text_is_a_name(switchboard: Switchboard) {
    let odd = "a b/é<x>\u{1}\"'{}*?\n";
    let mut odd_one = Client::registered(&switchboard.edge_url(0), odd).await;
    let mut bob = Client::registered(&switchboard.edge_url(1), "").await;
    bob.call(odd).await;
    let (incoming, _) = odd_one.expect_event("incomingcall").await;
    assert_eq!(incoming["username"], "");
    odd_one.accept().await;
    assert_eq!(bob.expect_event("accepted").await.0["username"], odd);
}
