//! Calls with janus.js whose websocket breaks: janus.js says so, and claims its session when its page tells
//! it to reconnect, at another edge where there is one.

use super::files::Files;
use super::janus_js::{alice_and_bob, call, files};
use super::line::Line;
use super::page::Page;
use super::stage::{Stage, on_both_buses};

on_both_buses!(
    a_call_goes_on_when_a_page_reconnects,
    a_page_that_reconnects_hears_what_it_missed,
    a_page_that_reconnects_hears_that_the_call_is_over,
);

async fn a_call_goes_on_when_a_page_reconnects(stage: Stage) {
    let broken = Broken::call_on(&stage).await;
    let Broken { alice, bob, .. } = &broken;
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    broken.reconnect(&stage).await;
    tokio::join!(alice.is("incall"), bob.is("incall"));
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    bob.hang_up().await;
    alice.says("hung up by bob").await;
    tokio::join!(alice.is("idle"), bob.is("idle"));
    call(alice, "alice", bob, "bob").await;
}

async fn a_page_that_reconnects_hears_what_it_missed(stage: Stage) {
    let broken = Broken::call_on(&stage).await;
    let Broken { alice, bob, .. } = &broken;
    let old = bob.ice().await;
    bob.press("restart").await;
    broken.reconnect(&stage).await;
    bob.has_new_ice(&old).await;
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    let old = alice.ice().await;
    alice.press("restart").await;
    alice.has_new_ice(&old).await;
    tokio::join!(alice.sees_and_hears(), bob.sees_and_hears());
    alice.hang_up().await;
    bob.says("hung up by alice").await;
    tokio::join!(alice.is("idle"), bob.is("idle"));
}

async fn a_page_that_reconnects_hears_that_the_call_is_over(stage: Stage) {
    let broken = Broken::call_on(&stage).await;
    let Broken { alice, bob, .. } = &broken;
    bob.hang_up().await;
    bob.is("idle").await;
    alice.is("incall").await;
    broken.reconnect(&stage).await;
    alice.says("hung up by bob").await;
    alice.is("idle").await;
    call(bob, "bob", alice, "alice").await;
}

/// alice in a call with bob, with a websocket that is lost.
struct Broken {
    alice: Page,
    bob: Page,
    line: Line,
    _files: Files,
}

impl Broken {
    async fn call_on(stage: &Stage) -> Self {
        let (files, line) = tokio::join!(files(), Line::to(stage.edge_url(0)));
        let (alice, bob) = alice_and_bob(stage, &files, [line.url(), stage.edge_url(1)], "").await;
        call(&alice, "alice", &bob, "bob").await;
        line.cut();
        alice.says("Lost connection to the server").await;
        Self { alice, bob, line, _files: files }
    }

    async fn reconnect(&self, stage: &Stage) {
        self.line.lead_to(stage.edge_url(1));
        self.alice.press("reconnect").await;
        self.alice.shows("news", "reconnected").await;
    }
}
