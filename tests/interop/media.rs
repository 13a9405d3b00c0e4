//! Two browsers, one at an edge of Switchboard and one at a proxy of janus-cloud. They use the unmodified
//! janus.js, as clients of either system do, and the demo page, as docs/janus-cloud.md suggests to operators.

use super::mixed_cluster::wait_until_announced;
use crate::browser::fixture::Fixture;
use crate::browser::janus_js::{alice_and_bob, call, file_server};
use crate::browser::page::Page;
use testkit::JanusCloud;

#[tokio::test]
async fn browsers_of_both_systems_exchange_media() {
    let mut fixture = Fixture::on_cluster(|plan| plan.edges(2).rests(1)).await;
    let redis = fixture.redis().url();
    // It finds the Janus in Redis.
    let proxy = JanusCloud::start(&redis, &[]).await;
    wait_until_announced(fixture.redis()).await;
    with_janus_js(&fixture, &proxy).await;
    with_the_demo_page(&fixture, &proxy).await;
}

async fn with_janus_js(fixture: &Fixture, proxy: &JanusCloud) {
    let (file_server, theirs) = (file_server().await, proxy.ws_url());
    let (alice, bob) = alice_and_bob(fixture, &file_server, [fixture.edge_url(0), &theirs], "").await;
    call(&alice, "alice", &bob, "bob").await;
    alice.hang_up().await;
    bob.expect_message("hung up by alice").await;
    tokio::join!(alice.expect_state("idle"), bob.expect_state("idle"));
    call(&bob, "bob", &alice, "alice").await;
    bob.hang_up().await;
    alice.expect_message("hung up by bob").await;
    alice.expect_state("idle").await;
    tokio::join!(alice.close(), bob.close());
}

async fn with_the_demo_page(fixture: &Fixture, proxy: &JanusCloud) {
    let theirs = proxy.ws_url();
    let (carol, dave) = tokio::join!(fixture.page("carol"), fixture.page_at("dave", &theirs));
    talk(&carol, &dave, "dave").await;
    talk(&dave, &carol, "carol").await;
}

async fn talk(caller: &Page, callee: &Page, name: &str) {
    caller.call(name).await;
    callee.expect_state("ringing").await;
    callee.accept().await;
    tokio::join!(caller.expect_audio_and_video(), callee.expect_audio_and_video());
    callee.hang_up().await;
    tokio::join!(caller.expect_state("idle"), callee.expect_state("idle"));
}
