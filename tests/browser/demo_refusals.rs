//! What the demo page says when a wish is not granted: in words, and with a way to go on.

use super::demo_page::connect;
use super::page::Page;
use super::stage::{Stage, on_both_buses};

on_both_buses!(somebody_in_a_call_is_busy_and_is_not_disturbed, a_name_that_is_taken_over_is_said_to_be_gone);

async fn somebody_in_a_call_is_busy_and_is_not_disturbed(stage: Stage) {
    let (alice, bob) = stage.alice_and_bob().await;
    connect((&alice, "alice"), (&bob, "bob")).await;
    let carol = stage.page("carol").await;
    carol.call("bob").await;
    carol.says("bob is in another call").await;
    carol.is("idle").await;
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
}

#[tokio::test]
async fn nobody_and_oneself_cannot_be_called() {
    let stage = Stage::on_memory().await;
    let alice = stage.page("alice").await;
    alice.call("nobody").await;
    alice.says("Nobody named nobody is online").await;
    alice.is("idle").await;
    alice.call("alice").await;
    alice.says("That is your own name").await;
    alice.is("idle").await;
}

async fn a_name_that_is_taken_over_is_said_to_be_gone(stage: Stage) {
    let (alice, bob) = stage.alice_and_bob().await;
    let other = stage.page("other").await;
    other.rename("alice").await;
    alice.says("Somebody signed in as alice somewhere else").await;
    alice.is("unregistered").await;
    connect((&bob, "bob"), (&other, "alice")).await;
}

#[tokio::test]
async fn a_name_that_is_taken_over_in_a_call_leaves_the_call_alone() {
    let stage = Stage::on_memory().await;
    let (alice, bob) = stage.alice_and_bob().await;
    connect((&alice, "alice"), (&bob, "bob")).await;
    let other = stage.page("other").await;
    other.rename("alice").await;
    alice.says("This call goes on, but that name is not yours any more").await;
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    bob.hang_up().await;
    alice.says("Choose a name again").await;
    alice.is("unregistered").await;
}

#[tokio::test]
async fn without_leave_for_the_camera_the_page_says_so_and_goes_on_ringing() {
    let stage = Stage::on_memory().await;
    let alice = stage.page("alice").await;
    let refusing = ["--use-fake-ui-for-media-stream=deny"];
    let bob = Page::open_with(&stage.driver, "bob", &stage.demo(), &refusing).await;
    bob.register("bob").await;
    bob.call("alice").await;
    bob.says("This page may not use your camera and microphone").await;
    bob.is("idle").await;
    alice.call("bob").await;
    bob.is("ringing").await;
    bob.accept().await;
    bob.says("This page may not use your camera and microphone").await;
    bob.is("ringing").await;
    bob.decline().await;
    alice.says("bob declined the call").await;
}
