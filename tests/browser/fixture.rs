//! The fixture of tests with browsers: Switchboard in front of a real Janus, the demo page, a driver.

use super::driver::Driver;
use super::page::Page;
use crate::fixture::leftovers;
use testkit::cluster::ClusterBuilder;
use testkit::{Cluster, Janus, Process, Redis, Service, eventually};
use tokio::sync::{Semaphore, SemaphorePermit};

static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);

/// Waits until no other test uses browsers.
pub async fn turn() -> SemaphorePermit<'static> {
    ONE_AT_A_TIME.acquire().await.unwrap()
}

/// The servers and a browser driver, for one test. Pages must be dropped first.
pub struct Fixture {
    pub driver: Driver,
    edge_urls: [String; 2],
    rest: Process,
    cluster: Option<Cluster>,
    redis: Option<Redis>,
    janus: Janus,
    _turn: SemaphorePermit<'static>,
}

impl Fixture {
    /// All services in one process.
    pub async fn on_memory() -> Self {
        Self::on_memory_with(&[]).await
    }

    /// All services in one process, with these options.
    pub async fn on_memory_with(options: &[&str]) -> Self {
        let turn = turn().await;
        let (janus, driver) = tokio::join!(Janus::start(), Driver::start());
        let backend = format!("--backend=a={}", janus.url());
        let rest = Process::start(Service::Standalone, &[&[backend.as_str()], options].concat()).await;
        let edge_urls = [rest.url(), rest.url()];
        Self { driver, edge_urls, rest, cluster: None, redis: None, janus, _turn: turn }
    }

    /// Each service in a process of its own, with two edges, on Redis.
    pub async fn on_redis() -> Self {
        Self::on_cluster(|plan| plan.edges(2)).await
    }

    /// A cluster as described by the changed plan, with at least two edges.
    pub async fn on_cluster(change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let turn = turn().await;
        let (janus, driver, redis) = tokio::join!(Janus::start(), Driver::start(), Redis::start());
        let cluster = change(Cluster::new(&redis).backend("a", &janus)).start().await;
        let edge_urls = [cluster.edge_url(0), cluster.edge_url(1)];
        let rest = ["--redis", &redis.url(), "--websocket-url", &edge_urls[0]];
        let rest = Process::start(Service::Rest, &rest).await;
        Self { driver, edge_urls, rest, cluster: Some(cluster), redis: Some(redis), janus, _turn: turn }
    }

    /// The websocket URL of this edge.
    pub fn edge_url(&self, number: usize) -> &str {
        &self.edge_urls[number]
    }

    /// The websocket URL of the Janus server.
    pub fn janus_url(&self) -> String {
        self.janus.url()
    }

    /// The cluster, without the rest service that serves the demo page.
    pub fn cluster(&mut self) -> &mut Cluster {
        self.cluster.as_mut().expect("the fixture is on Redis")
    }

    /// The Redis server of the cluster.
    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("the fixture is on Redis")
    }

    /// The URL of the demo page.
    pub fn demo(&self) -> String {
        self.rest.rest_url()
    }

    /// The demo page of a user, connected to the edge that `demo.json` names.
    pub async fn page(&self, user: &str) -> Page {
        let page = Page::open(&self.driver, user, &self.demo()).await;
        page.register(user).await;
        page
    }

    /// The demo page of a user, connected to `server`.
    pub async fn page_at(&self, user: &str, server: &str) -> Page {
        let url = format!("{}/?server={server}", self.demo());
        let page = Page::open(&self.driver, user, &url).await;
        page.register(user).await;
        page
    }

    /// alice and bob, registered, at different edges.
    pub async fn alice_and_bob(&self) -> (Page, Page) {
        tokio::join!(self.page("alice"), self.page_at("bob", self.edge_url(1)))
    }

    /// Waits until no handle is left on Janus, and no key of a session, handle, name or call in Redis.
    pub async fn expect_clean(&self) {
        let mut admin = self.janus.admin().await;
        eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
        if let Some(redis) = &self.redis {
            let redis = redis.url();
            eventually("no key is left in Redis", async || leftovers(&redis).await.is_empty()).await;
        }
    }
}

/// Runs each scenario on both buses.
macro_rules! on_both_buses {
    ($($scenario:ident),* $(,)?) => {
        mod on_memory {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario($crate::browser::fixture::Fixture::on_memory().await).await;
            })*
        }
        mod on_redis {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario($crate::browser::fixture::Fixture::on_redis().await).await;
            })*
        }
    };
}
pub(crate) use on_both_buses;
