//! Calls through the load balancer: of two people with browsers, and of clients that only signal.

use super::cluster::Cluster;
use crate::browser::demo_page::connect;
use crate::browser::page::Page;
use testkit::Client;

/// Two browsers that see and hear each other.
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

    /// Picture and sound go on, and both pages are connected.
    pub async fn goes_on(&self) {
        tokio::join!(self.alice.says("In a call with bob"), self.bob.says("In a call with alice"));
        tokio::join!(self.alice.sees_and_hears(), self.bob.sees_and_hears());
        tokio::join!(self.alice.is("incall"), self.bob.is("incall"));
    }

    /// Ends when one hangs up, and the other hears of it.
    pub async fn ends(&self) {
        self.alice.hang_up().await;
        self.bob.says("alice hung up").await;
        tokio::join!(self.alice.is("idle"), self.bob.is("idle"));
    }

    /// Another call of the same two.
    pub async fn begins_anew(&self) {
        connect((&self.bob, "bob"), (&self.alice, "alice")).await;
    }
}

/// Two clients in a call that has no media.
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

    /// Ends when the callee hangs up.
    pub async fn ends(mut self) {
        self.callee.hangup().await;
        self.caller.expect_hangup().await;
        tokio::join!(self.caller.destroy(), self.callee.destroy());
    }
}

/// So many pairs, one after the other, so that each is placed knowing of those before.
pub async fn pairs(cluster: &Cluster, count: usize) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for number in 0..count {
        pairs.push(Pair::in_call(cluster, number).await);
    }
    pairs
}

/// All of them hang up.
pub async fn end(pairs: Vec<Pair>) {
    for pair in pairs {
        pair.ends().await;
    }
}
