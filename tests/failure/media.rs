//! Faults that users in a call must not notice. Picture and sound continue while the processes that set their
//! call up die, are replaced or freeze. Their pages still show the call afterwards.

use super::cluster::lease_holder;
use super::measure::Since;
use crate::browser::demo_page::connect;
use crate::browser::fixture::Fixture;
use crate::browser::page::Page;
use crate::browser::tcp_proxy::TcpProxy;
use std::time::Duration;
use testkit::eventually;

/// Time limit for a page to reconnect: its own back-off, and the claim of a session of a dead edge.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A call whose pages reach their edges through TCP proxies.
struct Call {
    alice: Page,
    bob: Page,
    tcp_proxies: [TcpProxy; 2],
}

impl Call {
    async fn on(fixture: &Fixture) -> Self {
        let tcp_proxies = [TcpProxy::to(fixture.edge_url(0)).await, TcpProxy::to(fixture.edge_url(1)).await];
        let [here, there] = [tcp_proxies[0].url(), tcp_proxies[1].url()];
        let (alice, bob) = tokio::join!(fixture.page_at("alice", here), fixture.page_at("bob", there));
        connect((&alice, "alice"), (&bob, "bob")).await;
        Self { alice, bob, tcp_proxies }
    }

    async fn expect_media(&self) {
        tokio::join!(self.alice.expect_state("incall"), self.bob.expect_state("incall"));
        tokio::join!(self.alice.expect_audio_and_video(), self.bob.expect_audio_and_video());
    }

    async fn hang_up_and_call_back(&self) {
        self.alice.hang_up().await;
        self.bob.expect_message("alice hung up").await;
        tokio::join!(self.alice.expect_state("idle"), self.bob.expect_state("idle"));
        connect((&self.bob, "bob"), (&self.alice, "alice")).await;
    }
}

#[tokio::test]
async fn edges_are_killed_and_rolled() {
    let mut fixture = Fixture::on_cluster(|plan| plan.edges(2)).await;
    let call = Call::on(&fixture).await;
    let edges = &mut fixture.cluster().edges;
    edges[0].kill();
    let killed = Since::now("edge is killed");
    call.alice.expect_message("Connection lost").await;
    call.expect_media().await;
    let (first, second) = (edges[0].url(), edges[1].url());
    call.tcp_proxies[0].forward_to(&second);
    call.alice.expect_message("In a call with bob").await;
    killed.within(RECONNECT_TIMEOUT * 2, "the page of a browser in a call has reconnected to another edge");
    call.expect_media().await;
    edges[0].restart().await;
    edges[1].terminate();
    let stopped = Since::now("edge is stopped");
    for tcp_proxy in &call.tcp_proxies {
        tcp_proxy.forward_new_to(&first);
    }
    let status = edges[1].wait_exit().await;
    assert!(status.success(), "{status}");
    tokio::join!(
        call.alice.expect_message("In a call with bob"),
        call.bob.expect_message("In a call with alice")
    );
    stopped.within(RECONNECT_TIMEOUT * 2, "the pages of both browsers have reconnected to another edge");
    call.expect_media().await;
    call.hang_up_and_call_back().await;
}

#[tokio::test]
async fn connectors_are_killed_rolled_and_frozen() {
    let mut fixture = Fixture::on_cluster(|plan| plan.edges(2).connectors(2)).await;
    let call = Call::on(&fixture).await;
    let cluster = fixture.cluster();
    let former = lease_holder(cluster);
    cluster.connectors[former].kill();
    eventually("another connector has the lease", async || lease_holder(cluster) != former).await;
    call.expect_media().await;
    cluster.connectors[former].restart().await;
    cluster.connectors[1 - former].terminate();
    let status = cluster.connectors[1 - former].wait_exit().await;
    assert!(status.success(), "{status}");
    eventually("the first connector has the lease again", async || lease_holder(cluster) == former).await;
    call.expect_media().await;
    cluster.connectors[1 - former].restart().await;
    cluster.connectors[former].stop();
    eventually("the other connector has the lease again", async || lease_holder(cluster) != former).await;
    cluster.connectors[former].resume();
    call.expect_media().await;
    call.hang_up_and_call_back().await;
}

#[tokio::test]
async fn redis_restarts_empty() {
    let mut fixture = Fixture::on_cluster(|plan| plan.edges(2)).await;
    let call = Call::on(&fixture).await;
    fixture.redis().restart().await;
    fixture.cluster().wait_ready().await;
    call.expect_media().await;
    call.hang_up_and_call_back().await;
}
