//! Calls between two demo pages that are answered, and the ways they end.

use super::fixture::{Fixture, on_both_buses};
use super::page::Page;
use testkit::Client;

on_both_buses!(
    two_pages_call_each_other_in_turn,
    declined_call_is_shown_on_both_sides,
    cancelled_call_is_shown_as_missed,
    hidden_characters_of_a_name_are_shown,
);

/// Sets a call up and waits for picture and sound on both sides.
pub async fn connect((caller, calling): (&Page, &str), (callee, called): (&Page, &str)) {
    caller.call(called).await;
    callee.expect_state("ringing").await;
    callee.expect_text("caller", calling).await;
    callee.accept().await;
    tokio::join!(caller.expect_state("incall"), callee.expect_state("incall"));
    tokio::join!(caller.expect_audio_and_video(), callee.expect_audio_and_video());
}

async fn two_pages_call_each_other_in_turn(fixture: Fixture) {
    let (alice, bob) = fixture.alice_and_bob().await;
    alice.check("bob", "bob is online").await;
    alice.check("nobody", "nobody is not online").await;

    connect((&alice, "alice"), (&bob, "bob")).await;
    alice.expect_message("In a call with bob").await;
    bob.expect_message("In a call with alice").await;
    alice.hang_up().await;
    bob.expect_message("alice hung up").await;
    bob.expect_state("idle").await;
    alice.expect_message("You hung up").await;
    alice.expect_state("idle").await;

    connect((&bob, "bob"), (&alice, "alice")).await;
    bob.hang_up().await;
    alice.expect_message("bob hung up").await;
    alice.expect_state("idle").await;
    bob.expect_state("idle").await;

    alice.expect_no_errors().await;
    bob.expect_no_errors().await;
    alice.close().await;
    bob.close().await;
    fixture.expect_clean().await;
}

async fn declined_call_is_shown_on_both_sides(fixture: Fixture) {
    let (alice, bob) = fixture.alice_and_bob().await;
    alice.call("bob").await;
    alice.expect_message("Ringing at bob").await;
    bob.expect_state("ringing").await;
    bob.decline().await;
    bob.expect_message("You declined the call from alice").await;
    alice.expect_message("bob declined the call").await;
    alice.expect_state("idle").await;
    bob.expect_state("idle").await;
}

async fn cancelled_call_is_shown_as_missed(fixture: Fixture) {
    let (alice, bob) = fixture.alice_and_bob().await;
    alice.call("bob").await;
    bob.expect_state("ringing").await;
    alice.expect_message("Ringing at bob").await;
    alice.cancel().await;
    alice.expect_message("You cancelled the call to bob").await;
    bob.expect_message("You missed a call from alice").await;
    alice.expect_state("idle").await;
    bob.expect_state("idle").await;
    connect((&bob, "bob"), (&alice, "alice")).await;
}

async fn hidden_characters_of_a_name_are_shown(fixture: Fixture) {
    let bob = fixture.page("bob").await;
    let mut alice = Client::registered(fixture.edge_url(0), "a\u{202e}ecil\u{200b}").await;
    alice.call("bob").await;
    bob.expect_state("ringing").await;
    bob.expect_text("caller", "a\\u{202e}ecil\\u{200b}").await;
    alice.hangup_with_reason("\u{2066}bye").await;
    bob.expect_message("a\\u{202e}ecil\\u{200b}").await;
    bob.expect_message("(\\u{2066}bye)").await;
}
