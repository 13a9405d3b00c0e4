//! A running edge. The test plays its routers and its connector.

use bus::memory::MemoryBus;
use bus::message::{Address, Body, Change, ClientEvent, ClientRequest, Events, LegRef, Message, Sequence};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, MailboxReader, Worker};
use clap::Parser;
use common::fault::{BoxFuture, FaultInjector, FaultPlan};
use common::{BackendName, CallId, MessageId, ServiceId};
use directory::Directory;
use directory::memory::MemoryDirectory;
use futures_util::FutureExt;
use protocol::videocall::PluginError;
use protocol::{Side, raw, videocall};
use service::{CancellationToken, Context, Health, ShutdownPolicy};
use std::sync::Arc;
use std::time::Duration;
use testkit::{Client, DEADLINE, eventually};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: edge::Options,
}

/// An edge, and the streams of its routers and of one connector. Other edges can join its cluster.
pub struct Harness {
    pub url: String,
    pub bus: Bus,
    pub directory: Directory,
    pub stop: CancellationToken,
    pub edge: JoinHandle<()>,
    pub id: ServiceId,
    pub health: Health,
    routers: [Worker; 2],
    backend: MailboxReader,
}

/// A running edge.
pub struct Node {
    pub url: String,
    pub id: ServiceId,
    pub health: Health,
    pub stop: CancellationToken,
    pub edge: JoinHandle<()>,
}

/// A request that a router has received.
pub struct Received {
    pub id: MessageId,
    pub request: ClientRequest,
}

pub fn parse(options: &[&str]) -> edge::Options {
    Command::parse_from(["edge"].iter().chain(options)).options
}

pub fn context(bus: Bus, directory: Directory, hand_over: bool) -> Context {
    Context {
        id: ServiceId::fresh("edge"),
        bus,
        directory,
        health: Health::default(),
        shutdown: CancellationToken::new(),
        shutdown_policy: ShutdownPolicy { timeout: Duration::from_secs(2), hand_over },
    }
}

impl Node {
    pub async fn start(
        bus: Bus,
        directory: Directory,
        address: &str,
        hand_over: bool,
        options: &[&str],
    ) -> Self {
        let context = context(bus, directory, hand_over);
        let (id, stop) = (context.id.clone(), context.shutdown.clone());
        let health = context.health.clone();
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        // The test does not return canaries.
        let options = parse(&[&["--canary-interval=0"], options].concat());
        let edge = tokio::spawn(async move { edge::run(options, listener, context).await.unwrap() });
        Self { url, id, health, stop, edge }
    }
}

impl Harness {
    /// The only edge of a cluster; it ends its sessions when it stops.
    pub async fn start(options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", options).await
    }

    pub async fn start_at(address: &str, options: &[&str]) -> Self {
        Self::on(Bus::memory(), Directory::memory(), address, false, options).await
    }

    /// The first edge of a cluster, which hands its sessions over.
    pub async fn first(options: &[&str]) -> Self {
        Self::on(Bus::memory(), Directory::memory(), "127.0.0.1:0", true, options).await
    }

    async fn on(bus: Bus, directory: Directory, address: &str, hand_over: bool, options: &[&str]) -> Self {
        let node = Node::start(bus.clone(), directory.clone(), address, hand_over, options).await;
        Self::around(node, bus, directory).await
    }

    /// An edge whose bus and directory can stall, in a cluster where they cannot.
    pub async fn with_stalled_directory(options: &[&str]) -> (Self, Stall) {
        let (bus, directory, stall) = (MemoryBus::default(), MemoryDirectory::default(), Stall::default());
        let faults = FaultInjector::new(Arc::new(stall.clone()));
        let own =
            (Bus::Memory(bus.with_faults(faults.clone())), Directory::Memory(directory.with_faults(faults)));
        let node = Node::start(own.0, own.1, "127.0.0.1:0", true, options).await;
        (Self::around(node, Bus::Memory(bus), Directory::Memory(directory)).await, stall)
    }

    async fn around(node: Node, bus: Bus, directory: Directory) -> Self {
        let routers = [
            bus.join_workers(Queue::Requests(0), "r").await,
            bus.join_workers(Queue::Requests(1), "r").await,
        ];
        let backend = bus.open(backend()).await.unwrap();
        let Node { url, id, health, stop, edge } = node;
        Self { url, bus, directory, stop, edge, id, health, routers, backend }
    }

    /// Another edge of the cluster.
    pub async fn another(&self, options: &[&str]) -> Node {
        Node::start(self.bus.clone(), self.directory.clone(), "127.0.0.1:0", true, options).await
    }

    /// A registered client.
    pub async fn alice(&mut self) -> Client {
        let mut alice = Client::attached(&self.url).await;
        let register = serde_json::json!({"request": "register", "username": "alice"});
        alice.post_message(register, None).await;
        let received = self.request("register").await;
        let name = Some(Change::Registered("alice".to_owned()));
        self.reply(&received, None, name, "registered").await;
        alice.expect_event("registered").await;
        alice
    }

    /// The next message to the routers.
    pub async fn message(&mut self) -> Message {
        let [one, two] = &mut self.routers;
        let delivery = async {
            tokio::select! { it = one.next() => it, it = two.next() => it }
        };
        let delivery = timeout(DEADLINE, delivery).await.expect("a request reaches the routers");
        let message = delivery.message.clone();
        delivery.ack();
        message
    }

    /// The next request to the routers, which must have this kind.
    pub async fn request(&mut self, kind: &str) -> Received {
        let message = self.message().await;
        assert_eq!(message.body.kind(), kind);
        match message.body {
            Body::Register(request) | Body::Call(request) | Body::List(request) | Body::Exists(request) => {
                Received { id: message.id, request }
            }
            other => panic!("not a request of a client: {other:?}"),
        }
    }

    /// The next message to the connector.
    pub async fn leg_message(&mut self) -> Message {
        let message = timeout(DEADLINE, self.backend.next()).await.expect("a message for the backend");
        self.backend.ack();
        message
    }

    /// Replies to a request with an event of this name.
    pub async fn reply(
        &self,
        received: &Received,
        call: Option<CallId>,
        change: Option<Change>,
        event: &str,
    ) {
        let transaction = Some(received.request.transaction.clone());
        let data = videocall::event(event, None, None);
        let item = ClientEvent::Plugin { transaction, data, jsep: None };
        self.send_with(&received.request, call, Some(received.id), change, item).await;
    }

    /// Sends an event that is no reply.
    pub async fn send(&self, to: &ClientRequest, call: Option<CallId>, change: Option<Change>, event: &str) {
        let data = videocall::event(event, None, None);
        let item = ClientEvent::Plugin { transaction: None, data, jsep: None };
        self.send_with(to, call, None, change, item).await;
    }

    /// Sends an event with a sequence number.
    pub async fn send_sequenced(
        &self,
        edge: &ServiceId,
        to: &Address,
        leg: LegRef,
        number: u64,
        event: &str,
    ) {
        let data = videocall::event(event, None, None);
        let item = ClientEvent::Plugin { transaction: None, data, jsep: None };
        let (call, sequence) = (Some(leg.call), Some(Sequence { term: 1, number }));
        self.post(edge, Events { call, sequence, ..Events::for_handle(to.handle_ref(), vec![item]) }).await;
    }

    /// Sends a core event with a number and some padding to a handle.
    pub async fn send_core(&self, to: &Address, number: u64) {
        let fields = raw(&serde_json::json!({"number": number, "padding": "x".repeat(300)}));
        let event = ClientEvent::Core { janus: "media".to_owned(), fields };
        let events = Events::for_handle(to.handle_ref(), vec![event]);
        self.post(&to.edge, events).await;
    }

    /// Refuses a call because of overload.
    pub async fn refuse_overloaded(&self, received: &Received) {
        let (who, transaction) =
            (received.request.from.handle_ref(), Some(received.request.transaction.clone()));
        let data = videocall::error(&PluginError::overloaded());
        let item = ClientEvent::Plugin { transaction, data, jsep: None };
        let events = Events {
            in_reply_to: Some(received.id),
            overloaded: true,
            ..Events::for_handle(who, vec![item])
        };
        self.post(&received.request.from.edge, events).await;
    }

    async fn send_with(
        &self,
        to: &ClientRequest,
        call: Option<CallId>,
        in_reply_to: Option<MessageId>,
        change: Option<Change>,
        item: ClientEvent,
    ) {
        let events =
            Events { call, in_reply_to, change, ..Events::for_handle(to.from.handle_ref(), vec![item]) };
        self.post(&to.from.edge, events).await;
    }

    async fn post(&self, edge: &ServiceId, events: Events) {
        let message = Message::new(Body::Events(events));
        self.bus.post(&Mailbox::Edge(edge.clone()), &message).await.unwrap();
    }

    /// Waits until the edge has acknowledged all messages in its mailbox: their effects are stored.
    pub async fn wait_until_acked(&self, edge: &ServiceId) {
        eventually("the mailbox is empty", async || {
            self.bus.backlog(&Mailbox::Edge(edge.clone()).key()).await.unwrap() == 0
        })
        .await;
    }

    /// Waits until the edge knows that a client's socket is gone. Then a handle that loses its name leaves its call.
    pub async fn wait_for_disconnect(&mut self, received: &Received, leg: LegRef) {
        let displaced = || Some(Change::Displaced("alice".to_owned()));
        eventually("the edge knows that the socket is gone", async || {
            self.send(&received.request, None, displaced(), "unregistered").await;
            let message = timeout(Duration::from_millis(50), self.leg_message()).await;
            message.is_ok_and(|message| matches!(message.body, Body::Hangup(left) if left == leg))
        })
        .await;
    }

    /// A client in a ringing call, with its request.
    pub async fn ringing(&mut self) -> (Client, Received, LegRef) {
        let mut alice = self.alice().await;
        let call = serde_json::json!({"request": "call", "username": "bob"});
        alice.post_message(call, Some(testkit::sdp::offer())).await;
        let received = self.request("call").await;
        let leg = LegRef { call: received.id.into(), side: Side::Caller };
        self.reply(&received, Some(leg.call), Some(joined(Side::Caller)), "calling").await;
        alice.expect_core("ack").await;
        alice.expect_event("calling").await;
        (alice, received, leg)
    }
}

pub fn joined(side: Side) -> Change {
    Change::Joined { backend: BackendName::from("a"), side }
}

fn backend() -> Mailbox {
    Mailbox::Backend(BackendName::from("a"))
}

/// Stalls the bus and directory of an edge, as if its process were paused.
#[derive(Clone, Default)]
pub struct Stall(watch::Sender<bool>);

impl Stall {
    pub fn set(&self, is_stalled: bool) {
        self.0.send_replace(is_stalled);
    }

    fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stalled = self.0.subscribe();
        async move {
            let _ = stalled.wait_for(|stalled| !stalled).await;
        }
    }
}

impl FaultPlan for Stall {
    fn before(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        let ended = self.ended();
        Box::pin(ended.map(Ok))
    }

    fn after(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn before_read(&self) -> BoxFuture<()> {
        Box::pin(self.ended())
    }

    fn drops(&self, _: &'static str) -> bool {
        false
    }
}
