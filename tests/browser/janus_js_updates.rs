//! Renegotiations with janus.js, as Janus wants them: with `set` and an offer, which the other side answers
//! with `set` and an answer.

use super::file_server::FileServer;
use super::fixture::{Fixture, on_both_buses};
use super::janus_js::{alice_and_bob, call, file_server, ring};
use super::page::Page;

on_both_buses!(either_side_can_restart_ice, audio_call_gets_video, either_side_can_replace_its_camera,);

async fn either_side_can_restart_ice(fixture: Fixture) {
    let (alice, bob, _files) = two_pages(&fixture, "").await;
    call(&alice, "alice", &bob, "bob").await;
    for page in [&alice, &bob] {
        let old = page.ice().await;
        page.press("restart").await;
        page.expect_new_ice(&old).await;
        tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    }
    ends(&alice, &bob).await;
}

async fn audio_call_gets_video(fixture: Fixture) {
    let (alice, bob, _files) = two_pages(&fixture, "&sound_only").await;
    ring(&alice, "alice", &bob, "bob").await;
    tokio::join!(alice.expect_audio(), bob.expect_audio());
    bob.press("film").await;
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    ends(&alice, &bob).await;
}

async fn either_side_can_replace_its_camera(fixture: Fixture) {
    let (alice, bob, _files) = two_pages(&fixture, "").await;
    call(&alice, "alice", &bob, "bob").await;
    tokio::join!(alice.expect_aspect_ratio(false), bob.expect_aspect_ratio(false));
    alice.press("square").await;
    alice.expect_text("news", "renegotiated").await;
    tokio::join!(alice.expect_aspect_ratio(false), bob.expect_aspect_ratio(true));
    bob.press("square").await;
    bob.expect_text("news", "renegotiated").await;
    tokio::join!(alice.expect_aspect_ratio(true), bob.expect_aspect_ratio(true));
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    ends(&alice, &bob).await;
}

async fn two_pages(fixture: &Fixture, options: &str) -> (Page, Page, FileServer) {
    let file_server = file_server().await;
    let (alice, bob) =
        alice_and_bob(fixture, &file_server, [fixture.edge_url(0), fixture.edge_url(1)], options).await;
    (alice, bob, file_server)
}

async fn ends(alice: &Page, bob: &Page) {
    alice.hang_up().await;
    bob.expect_message("hung up by alice").await;
    tokio::join!(alice.expect_state("idle"), bob.expect_state("idle"));
    tokio::join!(alice.expect_no_errors(), bob.expect_no_errors());
}
