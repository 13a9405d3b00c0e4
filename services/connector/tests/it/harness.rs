//! Connectors, and what is around them.

use crate::edge_log::Heard;
use bus::Bus;
use bus::message::{Address, Body, LegRef, LegRequest, Message, Party, Place};
use bus::topic::{Log, Mailbox};
use clap::Parser;
use common::{BackendName, CallId, MessageId, ServiceId};
use connector::janus::endpoint::Dialler;
use directory::Directory;
use directory::record::{AcquireOutcome, BackendStatus, Call, CallParty, Owner};
use protocol::{HandleId, HandleRef, SessionId, Side, raw};
use serde_json::Value;
use service::{CancellationToken, Context, Health, ShutdownPolicy};
use std::time::Duration;
use testkit::{FakeJanus, eventually};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: connector::Options,
}

/// The roads and records of a cluster, and the one edge that alice and bob are at.
pub struct Bench {
    pub bus: Bus,
    pub directory: Directory,
    pub edge: Heard,
}

/// A running connector, in a runtime of its own so that it can be killed.
pub struct Connector {
    pub id: ServiceId,
    pub stop: CancellationToken,
    pub running: JoinHandle<()>,
    runtime: Option<Runtime>,
}

impl Bench {
    pub async fn new() -> Self {
        let (bus, directory) = (Bus::memory(), Directory::memory());
        let edge = Heard::over(bus.open(Mailbox::Edge(edge())).await.unwrap());
        for side in [Side::Caller, Side::Callee] {
            let (username, owner) = registered(side);
            directory.claim_name(&owner, &username, MessageId::fresh()).await.unwrap();
            directory.grant_name(&username, &owner, None).await.unwrap();
        }
        Self { bus, directory, edge }
    }

    /// A cluster with one connector that serves this Janus as `a`.
    pub async fn serving(janus: &FakeJanus) -> (Self, Connector) {
        let bench = Self::new().await;
        let connector = bench.connector(&[("a", janus)]);
        bench.is_ready("a").await;
        (bench, connector)
    }

    /// Starts a connector for these servers.
    pub fn connector(&self, servers: &[(&str, &FakeJanus)]) -> Connector {
        self.connector_that(true, servers)
    }

    /// Starts one that no other will follow.
    pub fn last_connector(&self, servers: &[(&str, &FakeJanus)]) -> Connector {
        self.connector_that(false, servers)
    }

    /// Starts a connector for one server, which speaks the Janus API there.
    pub fn connector_at(&self, name: &str, url: &str) -> Connector {
        self.connector_with(true, vec![format!("--backend={name}={url}")])
    }

    fn connector_that(&self, hand_over: bool, servers: &[(&str, &FakeJanus)]) -> Connector {
        let backend = |(name, janus): &(&str, &FakeJanus)| format!("--backend={name}={}", janus.url());
        self.connector_with(hand_over, servers.iter().map(backend).collect())
    }

    /// Starts one in this runtime, whose time may be paused, for a Janus that is reached in this way.
    pub fn connector_here(&self, name: &str, way: Dialler) -> Connector {
        let (id, stop) = (ServiceId::fresh("connector"), CancellationToken::new());
        let (context, options) =
            (self.context(&id, &stop, true), options(vec![format!("--backend={name}=ws://janus:8188")]));
        let running = tokio::spawn(async move { connector::run_with(options, context, way).await.unwrap() });
        Connector { id, stop, running, runtime: None }
    }

    fn connector_with(&self, hand_over: bool, backends: Vec<String>) -> Connector {
        let (id, stop) = (ServiceId::fresh("connector"), CancellationToken::new());
        let (context, options) = (self.context(&id, &stop, hand_over), options(backends));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let running = runtime.spawn(async move { connector::run(options, context).await.unwrap() });
        Connector { id, stop, running, runtime: Some(runtime) }
    }

    fn context(&self, id: &ServiceId, stop: &CancellationToken, hand_over: bool) -> Context {
        Context {
            id: id.clone(),
            bus: self.bus.clone(),
            directory: self.directory.clone(),
            health: Health::default(),
            shutdown: stop.clone(),
            shutdown_policy: ShutdownPolicy { timeout: Duration::from_secs(5), hand_over },
        }
    }

    /// Waits until a backend takes calls.
    pub async fn is_ready(&self, name: &str) {
        self.has_status(name, Some(BackendStatus::Normal)).await;
    }

    pub async fn has_status(&self, name: &str, status: Option<BackendStatus>) {
        eventually(&format!("backend {name} is {status:?}"), async || {
            let backends = self.directory.backends().await.unwrap();
            backends.iter().find(|it| it.name.as_str() == name).map(|it| it.status) == status
        })
        .await;
    }

    /// alice calls bob, on `a`; the routers' part of it.
    pub async fn place(&self) -> CallId {
        let (id, backend) = (CallId::fresh(), BackendName::from("a"));
        let (caller, callee) = (party(Side::Caller), party(Side::Callee));
        let call = Call { id, backend: backend.clone(), caller, callee, opened: 0 };
        self.directory.open_call(&call).await.unwrap();
        for side in [Side::Caller, Side::Callee] {
            let (username, owner) = registered(side);
            let taken = self
                .directory
                .acquire_handle(owner.handle, &username, id, &registered(side.peer()).0)
                .await
                .unwrap();
            assert_eq!(taken, AcquireOutcome::Acquired, "{username} is free");
        }
        let offer = raw(&testkit::sdp::offer());
        let (caller, callee) = (address(Side::Caller), address(Side::Callee));
        let (transaction, offer) = ("c".to_owned(), Some(offer));
        let place =
            Place { call: id, caller, callee, transaction, offer, proxy_side: None, timestamps: None };
        self.post(Message { id: id.into(), ..Message::new(Body::Place(place)) }).await;
        id
    }

    /// A call that rings.
    pub async fn ringing(&mut self) -> CallId {
        let call = self.place().await;
        assert_eq!(self.edge.bob(call).await, "joined: incomingcall(alice)+offer");
        assert_eq!(self.edge.alice(call).await, "joined: c/calling");
        call
    }

    /// A call that bob has accepted.
    pub async fn talking(&mut self) -> CallId {
        let call = self.ringing().await;
        self.is_accepted(call).await;
        call
    }

    /// bob accepts.
    pub async fn is_accepted(&mut self, call: CallId) {
        let accept = serde_json::json!({"request": "accept"});
        self.asks(call, Side::Callee, accept, Some(testkit::sdp::answer())).await;
        assert_eq!(self.edge.alice(call).await, "answered: accepted(bob)+answer");
        assert_eq!(self.edge.bob(call).await, "answered: t/accepted");
    }

    /// Waits until what is known of a call is written down, and its mailbox is empty.
    pub async fn is_written_down(&self, call: CallId) {
        let backend = BackendName::from("a");
        let mailbox = Mailbox::Backend(backend.clone()).key();
        eventually("the call is written down", async || {
            let left = self.directory.orphaned_calls(&backend).await.unwrap();
            let written = left.iter().any(|left| left.call.id == call && left.state.is_some());
            written && self.bus.backlog(&mailbox).await.unwrap() == 0
        })
        .await;
    }

    /// A client's request on its leg, under the transaction `t`.
    pub async fn asks(&self, call: CallId, side: Side, body: Value, jsep: Option<Value>) {
        let (leg, transaction) = (LegRef { call, side }, Some("t".to_owned()));
        let (body, jsep) = (raw(&body), jsep.map(|jsep| raw(&jsep)));
        self.post(Message::new(Body::Request(LegRequest { leg, transaction, body, jsep }))).await;
    }

    /// A client's core hangup.
    pub async fn hangs_up(&self, call: CallId, side: Side) {
        self.post(Message::new(Body::Hangup(LegRef { call, side }))).await;
    }

    pub async fn post(&self, message: Message) {
        self.bus.post(&Mailbox::Backend(BackendName::from("a")), &message).await.unwrap();
    }

    /// The call that alice's and bob's handles are in.
    pub async fn calls(&self) -> [Option<CallId>; 2] {
        let mut calls = [None; 2];
        for side in [Side::Caller, Side::Callee] {
            let handle = self.directory.handle(registered(side).1.handle).await.unwrap();
            calls[side as usize] = handle.unwrap().call;
        }
        calls
    }

    /// The `event` of each line of the calls log.
    pub async fn log(&self) -> Vec<String> {
        let lines = self.bus.tail(Log::Calls, 100).await.unwrap().into_iter();
        let event = |line: bus::LogLine| line.into_iter().find(|(name, _)| name == "event").unwrap().1;
        lines.map(event).collect()
    }

    /// Whether that connector has the lease of a backend; looking renews it.
    pub async fn is_led_by(&self, backend: &str, connector: &ServiceId) -> bool {
        let lease = format!("backend:{backend}");
        let life = Duration::from_secs(4);
        self.directory.acquire_lease(&lease, connector, life).await.unwrap().is_some()
    }
}

impl Connector {
    /// From now on it does nothing for that long: its one thread sleeps.
    pub async fn freezes(&self, time: Duration) {
        let (falls, asleep) = tokio::sync::oneshot::channel();
        self.runtime.as_ref().unwrap().spawn(async move {
            falls.send(()).unwrap();
            std::thread::sleep(time);
        });
        asleep.await.unwrap();
    }

    /// Without a word.
    pub fn dies(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// It is asked to stop, and does.
    pub async fn stops(mut self) {
        self.stop.cancel();
        (&mut self.running).await.unwrap();
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn options(backends: Vec<String>) -> connector::Options {
    Command::parse_from(std::iter::once("connector".to_owned()).chain(backends)).options
}

fn edge() -> ServiceId {
    ServiceId::from("edge-1")
}

pub fn party(side: Side) -> CallParty {
    let (username, owner) = registered(side);
    CallParty { username, owner: Some(owner) }
}

pub fn registered(side: Side) -> (String, Owner) {
    let (username, number) = if side == Side::Caller { ("alice", 1) } else { ("bob", 2) };
    let handle = HandleRef { session: SessionId(number), handle: HandleId(number) };
    (username.to_owned(), Owner { edge: edge(), handle })
}

pub fn address(side: Side) -> Party {
    let (username, owner) = registered(side);
    let (session, handle) = (owner.handle.session, owner.handle.handle);
    Party { username, address: Some(Address { edge: owner.edge, session, handle }) }
}
