//! Two browsers, one at an edge of ours, one at a proxy of theirs: with the unmodified janus.js that clients
//! of either use, and with the demo page, which docs/janus-cloud.md has operators try.

use super::house::knows_us;
use crate::browser::janus_js::{alice_and_bob, call, files};
use crate::browser::page::Page;
use crate::browser::stage::Stage;
use testkit::JanusCloud;

#[tokio::test]
async fn two_browsers_on_both_sides_see_and_hear_each_other() {
    let mut stage = Stage::on_cluster(|plan| plan.edges(2).rests(1)).await;
    let redis = stage.redis().url();
    // It finds the Janus in Redis.
    let peer = JanusCloud::start(&redis, &[]).await;
    knows_us(stage.redis()).await;
    with_janus_js(&stage, &peer).await;
    with_the_demo_page(&stage, &peer).await;
}

async fn with_janus_js(stage: &Stage, peer: &JanusCloud) {
    let (files, theirs) = (files().await, peer.ws_url());
    let (alice, bob) = alice_and_bob(stage, &files, [stage.edge_url(0), &theirs], "").await;
    call(&alice, "alice", &bob, "bob").await;
    alice.hang_up().await;
    bob.says("hung up by alice").await;
    tokio::join!(alice.is("idle"), bob.is("idle"));
    call(&bob, "bob", &alice, "alice").await;
    bob.hang_up().await;
    alice.says("hung up by bob").await;
    alice.is("idle").await;
    tokio::join!(alice.close(), bob.close());
}

async fn with_the_demo_page(stage: &Stage, peer: &JanusCloud) {
    let theirs = peer.ws_url();
    let (carol, dave) = tokio::join!(stage.page("carol"), stage.page_at("dave", &theirs));
    talk(&carol, &dave, "dave").await;
    talk(&dave, &carol, "carol").await;
}

async fn talk(caller: &Page, callee: &Page, name: &str) {
    caller.call(name).await;
    callee.is("ringing").await;
    callee.accept().await;
    tokio::join!(caller.sees_and_hears(), callee.sees_and_hears());
    callee.hang_up().await;
    tokio::join!(caller.is("idle"), callee.is("idle"));
}
