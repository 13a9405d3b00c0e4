//! Two browsers, one at an edge of ours, one at a proxy of theirs: with the unmodified janus.js that clients
//! of either use, and with the demo page, which docs/janus-cloud.md has operators try.

use super::house::knows_us;
use crate::browser::janus_js::{alice_and_bob, call, files};
use crate::browser::page::Page;
use crate::browser::stage::Stage;
use testkit::JanusCloud;

/// Beside the stage a proxy of theirs, which finds the Janus in Redis.
async fn stage() -> (Stage, JanusCloud) {
    let mut stage = Stage::on_cluster(|plan| plan.edges(2).rests(1)).await;
    let redis = stage.redis().url();
    let peer = JanusCloud::start(&redis, &[]).await;
    knows_us(stage.redis()).await;
    (stage, peer)
}

#[tokio::test]
async fn two_browsers_with_janus_js_see_and_hear_each_other() {
    let (stage, peer) = stage().await;
    let (files, theirs) = (files().await, peer.ws_url());
    let (alice, bob) = alice_and_bob(&stage, &files, [stage.door(0), &theirs], "").await;
    call(&alice, "alice", &bob, "bob").await;
    alice.hang_up().await;
    bob.says("hung up by alice").await;
    tokio::join!(alice.is("idle"), bob.is("idle"));
    call(&bob, "bob", &alice, "alice").await;
    bob.hang_up().await;
    alice.says("hung up by bob").await;
    alice.is("idle").await;
}

#[tokio::test]
async fn two_demo_pages_see_and_hear_each_other() {
    let (stage, peer) = stage().await;
    let theirs = peer.ws_url();
    let (alice, bob) = tokio::join!(stage.page("alice"), stage.page_at("bob", &theirs));
    talk(&alice, &bob, "bob").await;
    talk(&bob, &alice, "alice").await;
}

async fn talk(caller: &Page, callee: &Page, name: &str) {
    caller.call(name).await;
    callee.is("ringing").await;
    callee.accept().await;
    tokio::join!(caller.sees_and_hears(), callee.sees_and_hears());
    callee.hang_up().await;
    tokio::join!(caller.is("idle"), callee.is("idle"));
}
