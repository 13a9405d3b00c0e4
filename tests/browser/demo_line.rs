//! Demo pages whose connection breaks and comes back, at another edge where there is one; pages that go away.

use super::demo_page::connect;
use super::line::Line;
use super::stage::{Stage, on_both_buses};

on_both_buses!(a_call_outlives_a_lost_socket, a_page_that_is_closed_in_a_call_hangs_up);

async fn a_call_outlives_a_lost_socket(stage: Stage) {
    let line = Line::to(stage.edge_url(0)).await;
    let (alice, bob) = tokio::join!(stage.page_at("alice", line.url()), stage.page("bob"));
    connect((&alice, "alice"), (&bob, "bob")).await;
    line.cut();
    alice.says("Connection lost. Trying again").await;
    alice.is("incall").await;
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    line.lead_to(stage.edge_url(1));
    alice.says("In a call with bob").await;
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    alice.hang_up().await;
    bob.says("alice hung up").await;
    connect((&bob, "bob"), (&alice, "alice")).await;
}

#[tokio::test]
async fn a_socket_that_is_lost_for_too_long_ends_the_call_and_the_page_comes_back() {
    let stage = Stage::on_memory_with(&["--reclaim-timeout=1"]).await;
    let line = Line::to(stage.edge_url(0)).await;
    let (alice, bob) = tokio::join!(stage.page_at("alice", line.url()), stage.page("bob"));
    connect((&alice, "alice"), (&bob, "bob")).await;
    line.cut();
    alice.says("Connection lost. Trying again").await;
    bob.says("alice hung up").await;
    bob.is("idle").await;
    line.lead_to(stage.edge_url(0));
    alice.says("was lost for too long, so the call ended").await;
    alice.is("idle").await;
    connect((&bob, "bob"), (&alice, "alice")).await;
}

async fn a_page_that_is_closed_in_a_call_hangs_up(stage: Stage) {
    let (alice, bob) = stage.alice_and_bob().await;
    connect((&alice, "alice"), (&bob, "bob")).await;
    alice.close().await;
    bob.says("alice hung up").await;
    bob.is("idle").await;
    bob.check("alice", "alice is not online").await;
}

#[tokio::test]
async fn a_page_that_crashes_in_a_call_is_missed_soon() {
    let stage = Stage::on_memory_with(&["--reclaim-timeout=1"]).await;
    let (alice, bob) = stage.alice_and_bob().await;
    connect((&alice, "alice"), (&bob, "bob")).await;
    alice.crash().await;
    bob.says("alice hung up").await;
    bob.is("idle").await;
    bob.check("alice", "alice is not online").await;
}
