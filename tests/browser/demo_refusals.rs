//! The error messages of the demo page, and how the user can continue.

use super::demo_page::connect;
use super::fixture::{Fixture, on_both_buses};
use super::page::Page;

on_both_buses!(user_in_a_call_is_busy_and_not_disturbed, lost_name_is_shown);

async fn user_in_a_call_is_busy_and_not_disturbed(fixture: Fixture) {
    let (alice, bob) = fixture.alice_and_bob().await;
    connect((&alice, "alice"), (&bob, "bob")).await;
    let carol = fixture.page("carol").await;
    carol.call("bob").await;
    carol.expect_message("bob is in another call").await;
    carol.expect_state("idle").await;
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
}

#[tokio::test]
async fn unknown_user_and_oneself_cannot_be_called() {
    let fixture = Fixture::on_memory().await;
    let alice = fixture.page("alice").await;
    alice.call("nobody").await;
    alice.expect_message("Nobody named nobody is online").await;
    alice.expect_state("idle").await;
    alice.call("alice").await;
    alice.expect_message("That is your own name").await;
    alice.expect_state("idle").await;
}

async fn lost_name_is_shown(fixture: Fixture) {
    let (alice, bob) = fixture.alice_and_bob().await;
    let other = fixture.page("other").await;
    other.rename("alice").await;
    alice.expect_message("Somebody signed in as alice somewhere else").await;
    alice.expect_state("unregistered").await;
    connect((&bob, "bob"), (&other, "alice")).await;
}

#[tokio::test]
async fn lost_name_does_not_end_the_call() {
    let fixture = Fixture::on_memory().await;
    let (alice, bob) = fixture.alice_and_bob().await;
    connect((&alice, "alice"), (&bob, "bob")).await;
    let other = fixture.page("other").await;
    other.rename("alice").await;
    alice.expect_message("This call goes on, but that name is not yours any more").await;
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    bob.hang_up().await;
    alice.expect_message("Choose a name again").await;
    alice.expect_state("unregistered").await;
}

#[tokio::test]
async fn missing_camera_permission_is_shown_while_ringing() {
    let fixture = Fixture::on_memory().await;
    let alice = fixture.page("alice").await;
    let refusing = ["--use-fake-ui-for-media-stream=deny"];
    let bob = Page::open_with(&fixture.driver, "bob", &fixture.demo(), &refusing).await;
    bob.register("bob").await;
    bob.call("alice").await;
    bob.expect_message("This page may not use your camera and microphone").await;
    bob.expect_state("idle").await;
    alice.call("bob").await;
    bob.expect_state("ringing").await;
    bob.accept().await;
    bob.expect_message("This page may not use your camera and microphone").await;
    bob.expect_state("ringing").await;
    bob.decline().await;
    alice.expect_message("bob declined the call").await;
}
