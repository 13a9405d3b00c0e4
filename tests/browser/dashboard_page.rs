//! A cluster of processes with the dashboard in a browser.

use super::driver::Driver;
use super::fixture::turn;
use super::page::Page;
use testkit::cluster::ClusterBuilder;
use testkit::{Client, Cluster, FakeJanus, Redis};
use tokio::sync::SemaphorePermit;

/// The cluster and a browser driver, for one test. Pages must be dropped first.
pub struct DashboardFixture {
    pub driver: Driver,
    pub cluster: Cluster,
    pub redis: Redis,
    pub janus: FakeJanus,
    _turn: SemaphorePermit<'static>,
}

impl DashboardFixture {
    /// Two edges, two routers, a connector with Janus `a`, and a rest service.
    pub async fn start() -> Self {
        Self::with(|plan| plan).await
    }

    /// The same, with a changed plan.
    pub async fn with(change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let turn = turn().await;
        let (driver, redis, janus) = tokio::join!(Driver::start(), Redis::start(), FakeJanus::start());
        let plan = Cluster::new(&redis).edges(2).routers(2).connectors(1).rests(1).backend("a", &janus);
        let cluster = change(plan).start().await;
        Self { driver, cluster, redis, janus, _turn: turn }
    }

    /// Opens the dashboard in a browser of its own.
    pub async fn page(&self) -> Page {
        let url = format!("{}/dashboard", self.cluster.rest_url(0));
        Page::open_any(&self.driver, "operator", &url, &[]).await
    }

    /// alice at one edge calls bob at the other, who accepts.
    pub async fn call(&self) -> (Client, Client) {
        let mut alice = Client::registered(&self.cluster.edge_url(0), "alice").await;
        let mut bob = Client::registered(&self.cluster.edge_url(1), "bob").await;
        alice.call("bob").await;
        bob.expect_event("incomingcall").await;
        bob.accept().await;
        alice.expect_event("accepted").await;
        (alice, bob)
    }
}

impl Page {
    /// Waits for that level and this text in the large line, and for the same in the title of the tab.
    pub async fn expect_status(&self, level: &str, text: &str) {
        let script = "return [document.body.dataset.level, document.getElementById('headline').innerText, \
            document.title, document.getElementById('icon').href]";
        let icon_path = format!("/dashboard/{level}.svg");
        self.until(&format!("shows '{text}' as {level}"), async || {
            let [shown, line, title, icon] = self.evaluate::<[String; 4]>(script).await;
            shown == level && line.contains(text) && title.contains(text) && icon.ends_with(&icon_path)
        })
        .await;
    }

    /// Waits for this text in the first element that a selector matches.
    pub async fn expect_in(&self, selector: &str, text: &str) {
        let script = format!("return document.querySelector({selector:?})?.innerText ?? ''");
        self.until(&format!("has '{text}' in {selector}"), async || {
            self.evaluate::<String>(&script).await.contains(text)
        })
        .await;
    }
}
