//! Two browsers, each with the unmodified janus.js: one is at an edge of ours, one at a proxy of theirs.

use super::house::knows_us;
use crate::browser::janus_js::{alice_and_bob, call, files};
use crate::browser::stage::Stage;
use testkit::JanusCloud;

#[tokio::test]
async fn two_browsers_on_both_sides_see_and_hear_each_other() {
    let mut stage = Stage::on_cluster(|plan| plan.edges(2).rests(1)).await;
    let redis = stage.redis().url();
    let peer = JanusCloud::start(&redis, &[]).await;
    knows_us(stage.redis()).await;
    let files = files().await;
    let theirs = peer.ws_url();
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
