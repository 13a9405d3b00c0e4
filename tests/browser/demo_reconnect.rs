//! Demo pages that lose their connections and reconnect, to another edge if there is one, and pages that
//! close.

use super::demo_page::connect;
use super::fixture::{Fixture, on_both_buses};
use super::tcp_proxy::TcpProxy;

on_both_buses!(call_survives_a_lost_socket, closed_page_hangs_up);

async fn call_survives_a_lost_socket(fixture: Fixture) {
    let tcp_proxy = TcpProxy::to(fixture.edge_url(0)).await;
    let (alice, bob) = tokio::join!(fixture.page_at("alice", tcp_proxy.url()), fixture.page("bob"));
    connect((&alice, "alice"), (&bob, "bob")).await;
    tcp_proxy.cut();
    alice.expect_message("Connection lost. Trying again").await;
    alice.expect_state("incall").await;
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    tcp_proxy.forward_to(fixture.edge_url(1));
    alice.expect_message("In a call with bob").await;
    tokio::join!(alice.expect_audio_and_video(), bob.expect_audio_and_video());
    alice.hang_up().await;
    bob.expect_message("alice hung up").await;
    connect((&bob, "bob"), (&alice, "alice")).await;
}

#[tokio::test]
async fn long_lost_socket_ends_the_call_and_the_page_reconnects() {
    let fixture = Fixture::on_memory_with(&["--reclaim-timeout=1"]).await;
    let tcp_proxy = TcpProxy::to(fixture.edge_url(0)).await;
    let (alice, bob) = tokio::join!(fixture.page_at("alice", tcp_proxy.url()), fixture.page("bob"));
    connect((&alice, "alice"), (&bob, "bob")).await;
    tcp_proxy.cut();
    alice.expect_message("Connection lost. Trying again").await;
    bob.expect_message("alice hung up").await;
    bob.expect_state("idle").await;
    tcp_proxy.forward_to(fixture.edge_url(0));
    alice.expect_message("was lost for too long, so the call ended").await;
    alice.expect_state("idle").await;
    connect((&bob, "bob"), (&alice, "alice")).await;
}

async fn closed_page_hangs_up(fixture: Fixture) {
    let (alice, bob) = fixture.alice_and_bob().await;
    connect((&alice, "alice"), (&bob, "bob")).await;
    alice.close().await;
    bob.expect_message("alice hung up").await;
    bob.expect_state("idle").await;
    bob.check("alice", "alice is not online").await;
}

#[tokio::test]
async fn crashed_page_ends_its_call_soon() {
    let fixture = Fixture::on_memory_with(&["--reclaim-timeout=1"]).await;
    let (alice, bob) = fixture.alice_and_bob().await;
    connect((&alice, "alice"), (&bob, "bob")).await;
    alice.crash().await;
    bob.expect_message("alice hung up").await;
    bob.expect_state("idle").await;
    bob.check("alice", "alice is not online").await;
}
