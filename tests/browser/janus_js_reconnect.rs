//! Calls with janus.js whose websocket breaks. janus.js reports the loss, and claims its session when its
//! page reconnects it, at another edge if there is one.

use super::file_server::FileServer;
use super::fixture::{Fixture, on_both_buses};
use super::janus_js::{alice_and_bob, call, file_server};
use super::page::Page;
use super::tcp_proxy::TcpProxy;

on_both_buses!(
    call_continues_after_a_reconnect,
    reconnected_page_receives_missed_events,
    reconnected_page_receives_the_end_of_the_call,
);

async fn call_continues_after_a_reconnect(fixture: Fixture) {
    let broken = Broken::call_with_proxy(&fixture).await;
    let Broken { alice, bob, .. } = &broken;
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    broken.reconnect(&fixture).await;
    tokio::join!(alice.expect_state("incall"), bob.expect_state("incall"));
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    bob.hang_up().await;
    alice.expect_message("hung up by bob").await;
    tokio::join!(alice.expect_state("idle"), bob.expect_state("idle"));
    call(alice, "alice", bob, "bob").await;
}

async fn reconnected_page_receives_missed_events(fixture: Fixture) {
    let broken = Broken::call_with_proxy(&fixture).await;
    let Broken { alice, bob, .. } = &broken;
    let old = bob.ice().await;
    bob.press("restart").await;
    broken.reconnect(&fixture).await;
    bob.expect_new_ice(&old).await;
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    let former = alice.ice().await;
    alice.press("restart").await;
    alice.expect_new_ice(&former).await;
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    alice.hang_up().await;
    bob.expect_message("hung up by alice").await;
    tokio::join!(alice.expect_state("idle"), bob.expect_state("idle"));
}

async fn reconnected_page_receives_the_end_of_the_call(fixture: Fixture) {
    let broken = Broken::call_with_proxy(&fixture).await;
    let Broken { alice, bob, .. } = &broken;
    bob.hang_up().await;
    bob.expect_state("idle").await;
    alice.expect_state("incall").await;
    broken.reconnect(&fixture).await;
    alice.expect_message("hung up by bob").await;
    alice.expect_state("idle").await;
    call(bob, "bob", alice, "alice").await;
}

/// alice in a call with bob, whose websocket breaks.
struct Broken {
    alice: Page,
    bob: Page,
    tcp_proxy: TcpProxy,
    _files: FileServer,
}

impl Broken {
    async fn call_with_proxy(fixture: &Fixture) -> Self {
        let (file_server, tcp_proxy) = tokio::join!(file_server(), TcpProxy::to(fixture.edge_url(0)));
        let (alice, bob) =
            alice_and_bob(fixture, &file_server, [tcp_proxy.url(), fixture.edge_url(1)], "").await;
        call(&alice, "alice", &bob, "bob").await;
        tcp_proxy.cut();
        alice.expect_message("Lost connection to the server").await;
        Self { alice, bob, tcp_proxy, _files: file_server }
    }

    async fn reconnect(&self, fixture: &Fixture) {
        self.tcp_proxy.forward_to(fixture.edge_url(1));
        self.alice.press("reconnect").await;
        self.alice.expect_text("news", "reconnected").await;
    }
}
