//! Calls with janus.js that are renegotiated, as Janus wants it: with `set` and an offer, to which the other
//! side answers with `set` and an answer.

use super::files::Files;
use super::janus_js::{alice_and_bob, call, files, ring};
use super::page::Page;
use super::stage::{Stage, on_both_buses};

on_both_buses!(
    either_side_of_a_call_restarts_ice,
    a_call_of_sound_gets_a_picture,
    either_side_of_a_call_replaces_its_camera,
);

async fn either_side_of_a_call_restarts_ice(stage: Stage) {
    let (alice, bob, _files) = two_pages(&stage, "").await;
    call(&alice, "alice", &bob, "bob").await;
    for page in [&alice, &bob] {
        let old = page.ice().await;
        page.press("restart").await;
        page.has_new_ice(&old).await;
        tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    }
    ends(&alice, &bob).await;
}

async fn a_call_of_sound_gets_a_picture(stage: Stage) {
    let (alice, bob, _files) = two_pages(&stage, "&sound_only").await;
    ring(&alice, "alice", &bob, "bob").await;
    tokio::join!(alice.only_hears(), bob.only_hears());
    bob.press("film").await;
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    ends(&alice, &bob).await;
}

async fn either_side_of_a_call_replaces_its_camera(stage: Stage) {
    let (alice, bob, _files) = two_pages(&stage, "").await;
    call(&alice, "alice", &bob, "bob").await;
    tokio::join!(alice.sees_a_square(false), bob.sees_a_square(false));
    alice.press("square").await;
    alice.shows("news", "renegotiated").await;
    tokio::join!(alice.sees_a_square(false), bob.sees_a_square(true));
    bob.press("square").await;
    bob.shows("news", "renegotiated").await;
    tokio::join!(alice.sees_a_square(true), bob.sees_a_square(true));
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    ends(&alice, &bob).await;
}

async fn two_pages(stage: &Stage, options: &str) -> (Page, Page, Files) {
    let files = files().await;
    let (alice, bob) = alice_and_bob(stage, &files, [stage.edge_url(0), stage.edge_url(1)], options).await;
    (alice, bob, files)
}

async fn ends(alice: &Page, bob: &Page) {
    alice.hang_up().await;
    bob.says("hung up by alice").await;
    tokio::join!(alice.is("idle"), bob.is("idle"));
    tokio::join!(alice.has_no_errors(), bob.has_no_errors());
}
