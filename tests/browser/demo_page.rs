//! Calls between two demo pages that come about, and how they end.

use super::page::Page;
use super::stage::{Stage, on_both_buses};

on_both_buses!(
    two_pages_call_each_other_in_turn,
    a_call_that_is_declined_says_so_on_both_sides,
    a_call_that_is_cancelled_is_a_missed_one,
);

/// Brings a call up, as far as picture and sound on both sides.
pub async fn connect((caller, calling): (&Page, &str), (callee, called): (&Page, &str)) {
    caller.call(called).await;
    callee.is("ringing").await;
    callee.shows("caller", calling).await;
    callee.accept().await;
    tokio::join!(caller.is("incall"), callee.is("incall"));
    tokio::join!(caller.sees_and_hears(), callee.sees_and_hears());
}

async fn two_pages_call_each_other_in_turn(stage: Stage) {
    let (alice, bob) = stage.alice_and_bob().await;
    alice.check("bob", "bob is online").await;
    alice.check("nobody", "nobody is not online").await;

    connect((&alice, "alice"), (&bob, "bob")).await;
    alice.says("In a call with bob").await;
    bob.says("In a call with alice").await;
    alice.hang_up().await;
    bob.says("alice hung up").await;
    bob.is("idle").await;
    alice.says("You hung up").await;
    alice.is("idle").await;

    connect((&bob, "bob"), (&alice, "alice")).await;
    bob.hang_up().await;
    alice.says("bob hung up").await;
    alice.is("idle").await;
    bob.is("idle").await;

    alice.has_no_errors().await;
    bob.has_no_errors().await;
    alice.close().await;
    bob.close().await;
    stage.is_clean().await;
}

async fn a_call_that_is_declined_says_so_on_both_sides(stage: Stage) {
    let (alice, bob) = stage.alice_and_bob().await;
    alice.call("bob").await;
    alice.says("Ringing at bob").await;
    bob.is("ringing").await;
    bob.decline().await;
    bob.says("You declined the call from alice").await;
    alice.says("bob declined the call").await;
    alice.is("idle").await;
    bob.is("idle").await;
}

async fn a_call_that_is_cancelled_is_a_missed_one(stage: Stage) {
    let (alice, bob) = stage.alice_and_bob().await;
    alice.call("bob").await;
    bob.is("ringing").await;
    alice.says("Ringing at bob").await;
    alice.cancel().await;
    alice.says("You cancelled the call to bob").await;
    bob.says("You missed a call from alice").await;
    alice.is("idle").await;
    bob.is("idle").await;
    connect((&bob, "bob"), (&alice, "alice")).await;
}
