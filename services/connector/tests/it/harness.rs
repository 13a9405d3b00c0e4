//! Connectors with a memory bus and directory. The test plays routers and edges.

use crate::edge_log::EdgeLog;
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

/// The bus and directory of a cluster, and the edge of alice and bob.
pub struct Harness {
    pub bus: Bus,
    pub directory: Directory,
    pub edge: EdgeLog,
}

/// A running connector, in a runtime of its own so that it can be killed and frozen.
pub struct Connector {
    pub id: ServiceId,
    pub stop: CancellationToken,
    pub running: JoinHandle<()>,
    runtime: Option<Runtime>,
}

impl Harness {
    pub async fn new() -> Self {
        let (bus, directory) = (Bus::memory(), Directory::memory());
        let edge = EdgeLog::new(bus.open(Mailbox::Edge(edge())).await.unwrap());
        for side in [Side::Caller, Side::Callee] {
            let (username, owner) = registered(side);
            directory.claim_name(&owner, &username, MessageId::fresh()).await.unwrap();
            directory.grant_name(&username, &owner, None).await.unwrap();
        }
        Self { bus, directory, edge }
    }

    /// A cluster with one connector that serves this Janus as `a`.
    pub async fn serving(janus: &FakeJanus) -> (Self, Connector) {
        let harness = Self::new().await;
        let connector = harness.connector(&[("a", janus)]);
        harness.wait_ready("a").await;
        (harness, connector)
    }

    /// Starts a connector for these servers.
    pub fn connector(&self, servers: &[(&str, &FakeJanus)]) -> Connector {
        self.connector_for(true, servers)
    }

    /// Starts a connector that ends its calls when it stops.
    pub fn last_connector(&self, servers: &[(&str, &FakeJanus)]) -> Connector {
        self.connector_for(false, servers)
    }

    /// Starts a connector for one server at this URL.
    pub fn connector_at(&self, name: &str, url: &str) -> Connector {
        self.connector_with(true, vec![format!("--backend={name}={url}")])
    }

    fn connector_for(&self, hand_over: bool, servers: &[(&str, &FakeJanus)]) -> Connector {
        let backend = |(name, janus): &(&str, &FakeJanus)| format!("--backend={name}={}", janus.url());
        self.connector_with(hand_over, servers.iter().map(backend).collect())
    }

    /// Starts a connector in this runtime, where time can be paused, with this dialler.
    pub fn connector_in_memory(&self, name: &str, dialler: Dialler) -> Connector {
        let (id, stop) = (ServiceId::fresh("connector"), CancellationToken::new());
        let (context, options) =
            (self.context(&id, &stop, true), options(vec![format!("--backend={name}=ws://janus:8188")]));
        let running =
            tokio::spawn(async move { connector::run_with(options, context, dialler).await.unwrap() });
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
    pub async fn wait_ready(&self, name: &str) {
        self.wait_status(name, Some(BackendStatus::Normal)).await;
    }

    pub async fn wait_status(&self, name: &str, status: Option<BackendStatus>) {
        eventually(&format!("backend {name} is {status:?}"), async || {
            let backends = self.directory.backends().await.unwrap();
            backends.iter().find(|it| it.name.as_str() == name).map(|it| it.status) == status
        })
        .await;
    }

    /// alice calls bob on `a`: posts the call as a router does.
    pub async fn place_call(&self) -> CallId {
        let call = Call {
            id: CallId::fresh(),
            backend: BackendName::from("a"),
            caller: party(Side::Caller),
            callee: party(Side::Callee),
            opened: 0,
        };
        let id = call.id;
        self.directory.open_call(&call).await.unwrap();
        for side in [Side::Caller, Side::Callee] {
            let ((username, owner), (peer, _)) = (registered(side), registered(side.peer()));
            let acquired = self.directory.acquire_handle(owner.handle, &username, id, &peer).await.unwrap();
            assert_eq!(acquired, AcquireOutcome::Acquired, "{username} is free");
        }
        let place = Place {
            call: id,
            caller: address(Side::Caller),
            callee: address(Side::Callee),
            transaction: "c".to_owned(),
            offer: Some(raw(&testkit::sdp::offer())),
            proxy_side: None,
            timestamps: None,
            request: None,
            fallback: None,
        };
        self.post(Message { id: id.into(), ..Message::new(Body::Place(place)) }).await;
        id
    }

    /// A call that rings.
    pub async fn ringing(&mut self) -> CallId {
        let call = self.place_call().await;
        assert_eq!(self.edge.bob(call).await, "joined: incomingcall(alice)+offer");
        assert_eq!(self.edge.alice(call).await, "joined: c/calling");
        call
    }

    /// A call that bob has accepted.
    pub async fn talking(&mut self) -> CallId {
        let call = self.ringing().await;
        self.accept(call).await;
        call
    }

    pub async fn accept(&mut self, call: CallId) {
        let accept = serde_json::json!({"request": "accept"});
        self.request(call, Side::Callee, accept, Some(testkit::sdp::answer())).await;
        assert_eq!(self.edge.alice(call).await, "answered: accepted(bob)+answer");
        assert_eq!(self.edge.bob(call).await, "answered: t/accepted");
    }

    /// Waits until the call is saved and all messages of the mailbox are acknowledged.
    pub async fn wait_saved(&self, call: CallId) {
        let backend = BackendName::from("a");
        let mailbox = Mailbox::Backend(backend.clone()).key();
        eventually("the call is saved", async || {
            let orphaned = self.directory.orphaned_calls(&backend).await.unwrap();
            let is_saved =
                orphaned.iter().any(|orphaned| orphaned.call.id == call && orphaned.state.is_some());
            is_saved && self.bus.backlog(&mailbox).await.unwrap() == 0
        })
        .await;
    }

    /// A client's request on its leg, under the transaction `t`.
    pub async fn request(&self, call: CallId, side: Side, body: Value, jsep: Option<Value>) {
        let (leg, transaction) = (LegRef { call, side }, Some("t".to_owned()));
        let (body, jsep) = (raw(&body), jsep.map(|jsep| raw(&jsep)));
        self.post(Message::new(Body::Request(LegRequest { leg, transaction, body, jsep }))).await;
    }

    /// A client's core hangup.
    pub async fn hang_up(&self, call: CallId, side: Side) {
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

    /// The `event` of each record of the calls log.
    pub async fn log(&self) -> Vec<String> {
        let lines = self.bus.tail(Log::Calls, 100).await.unwrap().into_iter();
        let event = |line: bus::LogLine| line.into_iter().find(|(name, _)| name == "event").unwrap().1;
        lines.map(event).collect()
    }

    /// Acquires or renews a lease as this connector. Returns whether it succeeded.
    pub async fn acquires_lease(&self, backend: &str, connector: &ServiceId) -> bool {
        let lease = format!("backend:{backend}");
        let ttl = Duration::from_secs(4);
        self.directory.acquire_lease(&lease, connector, ttl).await.unwrap().is_some()
    }
}

impl Connector {
    /// Pauses the connector for this long: its only thread sleeps.
    pub async fn freeze(&self, time: Duration) {
        let (sender, frozen) = tokio::sync::oneshot::channel();
        self.runtime.as_ref().unwrap().spawn(async move {
            sender.send(()).unwrap();
            std::thread::sleep(time);
        });
        frozen.await.unwrap();
    }

    /// Kills the connector without a shutdown.
    pub fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// Stops the connector gracefully.
    pub async fn stop(mut self) {
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
