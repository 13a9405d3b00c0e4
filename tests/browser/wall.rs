//! A cluster of processes, and the dashboard of it as it hangs on a wall.

use super::driver::Driver;
use super::page::Page;
use super::stage::turn;
use testkit::cluster::ClusterBuilder;
use testkit::{Client, Cluster, FakeJanus, Redis};
use tokio::sync::SemaphorePermit;

/// All of it, for one test. Pages must be dropped before.
pub struct DashboardPage {
    pub driver: Driver,
    pub cluster: Cluster,
    pub redis: Redis,
    pub janus: FakeJanus,
    _turn: SemaphorePermit<'static>,
}

impl DashboardPage {
    /// Two edges, two routers, a connector with Janus `a`, and a rest service.
    pub async fn start() -> Self {
        Self::with(|plan| plan).await
    }

    /// The same, as the plan is changed.
    pub async fn with(change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let turn = turn().await;
        let (driver, redis, janus) = tokio::join!(Driver::start(), Redis::start(), FakeJanus::start());
        let plan = Cluster::new(&redis).edges(2).routers(2).connectors(1).rests(1).backend("a", &janus);
        let cluster = change(plan).start().await;
        Self { driver, cluster, redis, janus, _turn: turn }
    }

    /// The dashboard, in a browser of its own.
    pub async fn page(&self) -> Page {
        let url = format!("{}/dashboard", self.cluster.rest_url(0));
        Page::visit(&self.driver, "operator", &url, &[]).await
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

/// What one reads from across a room.
impl Page {
    /// Waits for the large line to have that level and these words in it, the title of the tab too.
    pub async fn says_loud(&self, level: &str, words: &str) {
        let script = "return [document.body.dataset.level, document.getElementById('headline').innerText, \
            document.title, document.getElementById('icon').href]";
        let wanted = format!("/dashboard/{level}.svg");
        self.until(&format!("says '{words}' as {level}"), async || {
            let [is, line, title, icon] = self.ask::<[String; 4]>(script).await;
            is == level && line.contains(words) && title.contains(words) && icon.ends_with(&wanted)
        })
        .await;
    }

    /// Waits for this text in what a selector finds first.
    pub async fn has(&self, selector: &str, text: &str) {
        let script = format!("return document.querySelector({selector:?})?.innerText ?? ''");
        self.until(&format!("has '{text}' in {selector}"), async || {
            self.ask::<String>(&script).await.contains(text)
        })
        .await;
    }
}
