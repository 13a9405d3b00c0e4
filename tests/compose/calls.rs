//! Calls through the load balancer: of two users with browsers, and of clients without media.

use super::cluster::Cluster;
use crate::browser::demo_page::connect;
use crate::browser::page::Page;
use testkit::Client;

/// A call between two browsers with picture and sound.
pub struct Call {
    pub alice: Page,
    pub bob: Page,
}

impl Call {
    pub async fn between_browsers(cluster: &Cluster) -> Self {
        let page = cluster.page();
        let (alice, bob) = tokio::join!(
            Page::open(&cluster.driver, "alice", page),
            Page::open(&cluster.driver, "bob", page)
        );
        tokio::join!(alice.register("alice"), bob.register("bob"));
        connect((&alice, "alice"), (&bob, "bob")).await;
        Self { alice, bob }
    }

    /// Checks that picture and sound continue and that both pages are connected.
    pub async fn expect_media(&self) {
        tokio::join!(
            self.alice.expect_message("In a call with bob"),
            self.bob.expect_message("In a call with alice")
        );
        tokio::join!(self.alice.expect_audio_and_video(), self.bob.expect_audio_and_video());
        tokio::join!(self.alice.expect_state("incall"), self.bob.expect_state("incall"));
    }

    /// One side hangs up, and the other side receives the hangup.
    pub async fn end(&self) {
        self.alice.hang_up().await;
        self.bob.expect_message("alice hung up").await;
        tokio::join!(self.alice.expect_state("idle"), self.bob.expect_state("idle"));
    }

    /// Starts another call of the same two pages.
    pub async fn call_again(&self) {
        connect((&self.bob, "bob"), (&self.alice, "alice")).await;
    }
}

/// A call between two clients without media.
pub struct Pair {
    caller: Client,
    callee: Client,
}

impl Pair {
    pub async fn in_call(cluster: &Cluster, number: usize) -> Self {
        let url = cluster.websocket();
        let (calling, called) = (format!("caller-{number}"), format!("callee-{number}"));
        let (mut caller, mut callee) =
            tokio::join!(Client::registered(url, &calling), Client::registered(url, &called));
        caller.call(&called).await;
        callee.expect_event("incomingcall").await;
        callee.accept().await;
        caller.expect_event("accepted").await;
        Self { caller, callee }
    }

    /// The callee hangs up.
    pub async fn end(mut self) {
        self.callee.hangup().await;
        self.caller.expect_hangup().await;
        tokio::join!(self.caller.destroy(), self.callee.destroy());
    }
}

/// Starts this many calls, one after the other, so that each placement sees the earlier ones.
pub async fn pairs(cluster: &Cluster, count: usize) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for number in 0..count {
        pairs.push(Pair::in_call(cluster, number).await);
    }
    pairs
}

/// Ends all of them.
pub async fn end(pairs: Vec<Pair>) {
    for pair in pairs {
        pair.end().await;
    }
}
