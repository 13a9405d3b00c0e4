//! A cluster of routers, with mailboxes for an edge, a backend and a rest service that the tests read.

use bus::message::{Address, Body, ClientRequest, Invite, Location, Message, Release};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, MailboxReader};
use common::fault::FaultInjector;
use common::{BackendName, CallId, MessageId, ServiceId};
use directory::Directory;
use directory::record::{Backend, BackendStatus};
use protocol::{HandleId, HandleRef, SessionId, raw};
use router::Options;
use router::name_policy::NameOptions;
use router::placement::Policy;
use serde_json::{Value, json};
use service::options::CanaryOptions;
use service::{CancellationToken, Context, Health, ShutdownPolicy};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub const NAMES: [&str; 3] = ["alice", "bob", "carol"];
/// How long a router may take to handle a request.
const HANDLING_TIME: Duration = Duration::from_millis(100);

/// The bus and the directory that routers share.
pub struct Cluster {
    pub bus: Bus,
    pub directory: Directory,
    edge: MailboxReader,
    backend: MailboxReader,
    rest: MailboxReader,
}

pub struct Router {
    pub health: Health,
    pub stop: CancellationToken,
    pub run: JoinHandle<()>,
}

pub fn edge() -> ServiceId {
    ServiceId::from("edge-1")
}

pub fn rest() -> ServiceId {
    ServiceId::from("rest-1")
}

pub fn backend() -> BackendName {
    BackendName::from("a")
}

/// Returns the handle of alice (0), bob (1) or carol (2).
pub fn handle(who: usize) -> HandleRef {
    HandleRef { session: SessionId(10 + who as u64), handle: HandleId(20) }
}

pub fn address(who: usize) -> Address {
    let HandleRef { session, handle } = handle(who);
    Address { edge: edge(), session, handle }
}

/// Returns a message whose id is this number.
pub fn message(number: u128, body: Body) -> Message {
    let id = format!("{number:032x}").parse::<MessageId>().unwrap();
    Message { id, deadline: None, body }
}

pub fn call_id(number: u128) -> CallId {
    message(number, Body::Exists(client_request(0, json!({})))).id.into()
}

pub fn client_request(who: usize, body: Value) -> ClientRequest {
    ClientRequest {
        from: address(who),
        transaction: "t".to_owned(),
        body: raw(&body),
        location: Location::default(),
        jsep: None,
        requested_at: None,
        failed: None,
    }
}

pub fn register(who: usize, name: &str) -> Body {
    Body::Register(client_request(who, json!({ "request": "register", "username": name })))
}

pub fn call(who: usize, name: &str) -> Body {
    let jsep = Some(raw(&json!({ "type": "offer", "sdp": "v=0" })));
    Body::Call(ClientRequest { jsep, ..client_request(who, json!({ "request": "call", "username": name })) })
}

/// Returns an invite: a user of a janus-cloud proxy calls one of ours.
pub fn invite(caller: &str, callee: &str, backend_url: &str) -> Body {
    let (caller, callee) = (caller.to_owned(), callee.to_owned());
    Body::Invite(Invite {
        rest: rest(),
        caller,
        callee,
        backend_url: backend_url.to_owned(),
        requested_at: None,
    })
}

pub fn release(who: usize) -> Body {
    Body::Release(Release { who: handle(who), notify: Some(edge()) })
}

impl Cluster {
    /// Starts with one backend and no registered user.
    pub async fn start() -> Self {
        Self::on(Directory::memory()).await
    }

    /// Does the same with this directory.
    pub async fn on(directory: Directory) -> Self {
        let bus = Bus::memory();
        let edge = bus.open(Mailbox::Edge(edge())).await.unwrap();
        let backend = bus.open(Mailbox::Backend(backend())).await.unwrap();
        let rest = bus.open(Mailbox::Rest(rest())).await.unwrap();
        let cluster = Self { bus, directory, edge, backend, rest };
        cluster.add_backend("a", BackendStatus::Normal).await;
        cluster
    }

    /// Starts with alice, bob and carol registered.
    pub async fn with_users() -> Self {
        let mut cluster = Self::start().await;
        for (who, name) in NAMES.into_iter().enumerate() {
            cluster.process(&message(who as u128 + 1, register(who, name))).await;
        }
        cluster.drain_mailboxes().await;
        cluster
    }

    pub async fn add_backend(&self, name: &str, status: BackendStatus) {
        self.add_backend_at(name, status, ("", "")).await;
    }

    /// Adds a backend with a location and an ISP.
    pub async fn add_backend_at(&self, name: &str, status: BackendStatus, (location, isp): (&str, &str)) {
        let (name, location, isp) = (BackendName::from(name), location.to_owned(), isp.to_owned());
        let backend = Backend {
            url: format!("ws://{name}"),
            name,
            status,
            handles: 0,
            location,
            isp,
            probe_ms: None,
            health: Default::default(),
        };
        self.directory.announce_backend(&backend, Duration::from_secs(86_400)).await.unwrap();
    }

    pub fn router(&self) -> Router {
        self.router_with_faults(&FaultInjector::default())
    }

    /// Starts a router whose accesses to bus and directory have these faults.
    pub fn router_with_faults(&self, faults: &FaultInjector) -> Router {
        self.router_with_canary(faults, 0)
    }

    /// Does the same for a router that sends a canary every so many seconds.
    pub fn router_with_canary(&self, faults: &FaultInjector, canary_interval: u64) -> Router {
        let Bus::Memory(bus) = &self.bus else { unreachable!("it is in memory") };
        let directory = match &self.directory {
            Directory::Memory(directory) => Directory::Memory(directory.with_faults(faults.clone())),
            redis => redis.clone(),
        };
        let context = Context {
            id: ServiceId::fresh("router"),
            bus: Bus::Memory(bus.with_faults(faults.clone())),
            directory,
            health: Health::default(),
            shutdown: CancellationToken::new(),
            shutdown_policy: ShutdownPolicy { timeout: Duration::from_secs(5), hand_over: true },
        };
        let (health, stop) = (context.health.clone(), context.shutdown.clone());
        let canary = CanaryOptions { canary_interval };
        let options = Options { server_select: Policy::LeastCalls, names: NameOptions::default(), canary };
        let run = tokio::spawn(async move { router::run(options, context).await.unwrap() });
        Router { health, stop, run }
    }

    pub async fn enqueue(&self, message: &Message) {
        self.bus.enqueue(Queue::Requests(0), message).await.unwrap();
    }

    /// Has a router handle a message, and stops the router.
    pub async fn process(&self, message: &Message) {
        let router = self.router();
        sleep(HANDLING_TIME).await;
        self.enqueue(message).await;
        sleep(HANDLING_TIME).await;
        router.stop().await;
    }

    /// Returns the messages in the mailbox of the edge.
    pub async fn at_edge(&mut self) -> Vec<Message> {
        all(&mut self.edge).await
    }

    /// Returns the messages in the mailbox of the backend.
    pub async fn at_backend(&mut self) -> Vec<Message> {
        all(&mut self.backend).await
    }

    /// Returns the messages in the mailbox of the rest service.
    pub async fn at_rest(&mut self) -> Vec<Message> {
        all(&mut self.rest).await
    }

    /// Waits for the next message to the edge.
    pub async fn next_at_edge(&mut self) -> Body {
        next(&mut self.edge).await
    }

    /// Waits for the next message to the backend.
    pub async fn next_at_backend(&mut self) -> Body {
        next(&mut self.backend).await
    }

    /// Waits for the next message to the rest service.
    pub async fn next_at_rest(&mut self) -> Body {
        next(&mut self.rest).await
    }

    /// Drops the messages in all mailboxes.
    pub async fn drain_mailboxes(&mut self) {
        self.at_rest().await;
        self.at_edge().await;
        self.at_backend().await;
    }

    /// Returns the number of requests in the queue that are not acknowledged.
    pub async fn unfinished(&self) -> usize {
        self.bus.backlog(&Queue::Requests(0).key()).await.unwrap()
    }

    /// Returns a text of what the directory has of all names and handles, and of these calls.
    pub async fn state(&self, calls: &[CallId]) -> String {
        let mut state = String::new();
        for name in NAMES {
            let owner = self
                .directory
                .user(name)
                .await
                .unwrap()
                .and_then(|user| user.owner().map(|owner| owner.handle.to_string()));
            state += &format!("{name}: {owner:?}\n");
        }
        for who in 0..NAMES.len() {
            state += &format!("{who}: {:?}\n", self.directory.handle(handle(who)).await.unwrap());
        }
        for id in calls {
            let call = self.directory.call(*id).await.unwrap();
            state += &format!("{id}: {:?}\n", call.map(|call| (call.backend, call.caller, call.callee)));
        }
        state + &format!("calls: {:?}", self.directory.count_calls(&[backend()]).await.unwrap())
    }
}

impl Router {
    pub async fn stop(self) {
        self.stop.cancel();
        self.run.await.unwrap();
    }

    pub fn unmet(&self) -> Vec<String> {
        self.health.reasons().into_iter().map(|(name, _)| name).collect()
    }
}

async fn next(mailbox: &mut MailboxReader) -> Body {
    let message = timeout(Duration::from_secs(20), mailbox.next()).await.expect("a message arrives");
    mailbox.ack();
    message.body
}

/// Returns the messages that can be read without waiting.
async fn all(mailbox: &mut MailboxReader) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Ok(message) = timeout(Duration::from_millis(1), mailbox.next()).await {
        messages.push(message);
    }
    mailbox.ack();
    messages
}

/// Returns the texts of messages without their ids, sorted and without duplicates: what their receiver acts
/// on.
pub fn distinct(messages: &[Message]) -> Vec<String> {
    let mut texts: Vec<String> = messages.iter().map(|message| format!("{:?}", message.body)).collect();
    texts.sort();
    texts.dedup();
    texts
}
