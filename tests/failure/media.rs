//! What must not be seen by people in a call: picture and sound go on while the processes that set their
//! call up die, are replaced or freeze, and their pages still have them in it afterwards.

use super::house::server;
use super::measure::Since;
use crate::browser::demo_page::connect;
use crate::browser::line::Line;
use crate::browser::page::Page;
use crate::browser::stage::Stage;
use std::time::Duration;
use testkit::eventually;

/// How soon a page is connected again: its own pauses, and a claim of what a dead edge had.
const RECONNECTED: Duration = Duration::from_secs(10);

/// A call of which both pages reach their edge by a line.
struct Call {
    alice: Page,
    bob: Page,
    lines: [Line; 2],
}

impl Call {
    async fn on(stage: &Stage) -> Self {
        let lines = [Line::to(stage.edge_url(0)).await, Line::to(stage.edge_url(1)).await];
        let [here, there] = [lines[0].url(), lines[1].url()];
        let (alice, bob) = tokio::join!(stage.page_at("alice", here), stage.page_at("bob", there));
        connect((&alice, "alice"), (&bob, "bob")).await;
        Self { alice, bob, lines }
    }

    async fn goes_on(&self) {
        tokio::join!(self.alice.is("incall"), self.bob.is("incall"));
        tokio::join!(self.alice.sees_and_hears(), self.bob.sees_and_hears());
    }

    async fn ends(&self) {
        self.alice.hang_up().await;
        self.bob.says("alice hung up").await;
        tokio::join!(self.alice.is("idle"), self.bob.is("idle"));
        connect((&self.bob, "bob"), (&self.alice, "alice")).await;
    }
}

#[tokio::test]
async fn edges_are_killed_and_rolled() {
    let mut stage = Stage::on_cluster(|plan| plan.edges(2)).await;
    let call = Call::on(&stage).await;
    let edges = &mut stage.cluster().edges;
    edges[0].kill();
    let killed = Since::now("edge is killed");
    call.alice.says("Connection lost").await;
    call.goes_on().await;
    let (first, second) = (edges[0].url(), edges[1].url());
    call.lines[0].lead_to(&second);
    call.alice.says("In a call with bob").await;
    killed.within(RECONNECTED * 2, "the page of a browser in a call has gone on, at another edge");
    call.goes_on().await;
    edges[0].restart().await;
    edges[1].terminate();
    let stopped = Since::now("edge is stopped");
    for line in &call.lines {
        line.next_leads_to(&first);
    }
    let status = edges[1].wait_exit().await;
    assert!(status.success(), "{status}");
    tokio::join!(call.alice.says("In a call with bob"), call.bob.says("In a call with alice"));
    stopped.within(RECONNECTED * 2, "the pages of both browsers have gone on, at another edge");
    call.goes_on().await;
    call.ends().await;
}

#[tokio::test]
async fn connectors_are_killed_rolled_and_frozen() {
    let mut stage = Stage::on_cluster(|plan| plan.edges(2).connectors(2)).await;
    let call = Call::on(&stage).await;
    let cluster = stage.cluster();
    let former = server(cluster);
    cluster.connectors[former].kill();
    eventually("another has the lease", async || server(cluster) != former).await;
    call.goes_on().await;
    cluster.connectors[former].restart().await;
    cluster.connectors[1 - former].terminate();
    let status = cluster.connectors[1 - former].wait_exit().await;
    assert!(status.success(), "{status}");
    eventually("the first has it again", async || server(cluster) == former).await;
    call.goes_on().await;
    cluster.connectors[1 - former].restart().await;
    cluster.connectors[former].stop();
    eventually("the other has it again", async || server(cluster) != former).await;
    cluster.connectors[former].resume();
    call.goes_on().await;
    call.ends().await;
}

#[tokio::test]
async fn redis_restarts_empty() {
    let mut stage = Stage::on_cluster(|plan| plan.edges(2)).await;
    let call = Call::on(&stage).await;
    stage.redis().restart().await;
    stage.cluster().wait_ready().await;
    call.goes_on().await;
    call.ends().await;
}
