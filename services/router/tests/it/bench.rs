//! A cluster without edges and connectors: mailboxes that somebody reads.

use bus::message::{Address, Body, ClientRequest, Invite, Location, Message, Release};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, MailboxReader};
use common::fault::FaultInjector;
use common::{BackendName, CallId, MessageId, ServiceId};
use directory::Directory;
use directory::record::{Backend, BackendStatus};
use protocol::{HandleId, HandleRef, SessionId, raw};
use router::Options;
use router::placement::Policy;
use serde_json::{Value, json};
use service::options::CanaryOptions;
use service::{CancellationToken, Context, Health, ShutdownPolicy};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub const NAMES: [&str; 3] = ["alice", "bob", "carol"];
/// Long enough for a router to do a request; what is to take longer takes seconds.
const MOMENT: Duration = Duration::from_millis(100);

/// What routers share.
pub struct Cluster {
    pub bus: Bus,
    pub directory: Directory,
    edge: MailboxReader,
    backend: MailboxReader,
    rest: MailboxReader,
}

/// A running router.
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

/// The handle that is to be alice's (0), bob's (1) or carol's (2).
pub fn handle(who: usize) -> HandleRef {
    HandleRef { session: SessionId(10 + who as u64), handle: HandleId(20) }
}

pub fn address(who: usize) -> Address {
    let HandleRef { session, handle } = handle(who);
    Address { edge: edge(), session, handle }
}

/// A message with an id of its own that is the same each time.
pub fn message(number: u128, body: Body) -> Message {
    let id = format!("{number:032x}").parse::<MessageId>().unwrap();
    Message { id, deadline: None, body }
}

pub fn call_id(number: u128) -> CallId {
    message(number, Body::Exists(asks(0, json!({})))).id.into()
}

pub fn asks(who: usize, body: Value) -> ClientRequest {
    ClientRequest {
        from: address(who),
        transaction: "t".to_owned(),
        body: raw(&body),
        location: Location::default(),
        jsep: None,
        requested_at: None,
    }
}

pub fn register(who: usize, name: &str) -> Body {
    Body::Register(asks(who, json!({ "request": "register", "username": name })))
}

pub fn call(who: usize, name: &str) -> Body {
    let jsep = Some(raw(&json!({ "type": "offer", "sdp": "v=0" })));
    Body::Call(ClientRequest { jsep, ..asks(who, json!({ "request": "call", "username": name })) })
}

/// A peer's user calls one of ours.
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
    /// One edge, one backend, nobody registered.
    pub async fn start() -> Self {
        Self::on(Directory::memory()).await
    }

    /// The same with its records in this directory.
    pub async fn on(directory: Directory) -> Self {
        let bus = Bus::memory();
        let edge = bus.open(Mailbox::Edge(edge())).await.unwrap();
        let backend = bus.open(Mailbox::Backend(backend())).await.unwrap();
        let rest = bus.open(Mailbox::Rest(rest())).await.unwrap();
        let cluster = Self { bus, directory, edge, backend, rest };
        cluster.announce("a", BackendStatus::Normal).await;
        cluster
    }

    /// alice, bob and carol are registered.
    pub async fn populated() -> Self {
        let mut cluster = Self::start().await;
        for (who, name) in NAMES.into_iter().enumerate() {
            cluster.ask(&message(who as u128 + 1, register(who, name))).await;
        }
        cluster.quietly().await;
        cluster
    }

    pub async fn announce(&self, name: &str, status: BackendStatus) {
        self.announce_at(name, status, ("", "")).await;
    }

    /// One that stands somewhere.
    pub async fn announce_at(&self, name: &str, status: BackendStatus, (location, isp): (&str, &str)) {
        let (name, location, isp) = (BackendName::from(name), location.to_owned(), isp.to_owned());
        let backend =
            Backend { url: format!("ws://{name}"), name, status, handles: 0, location, isp, probe_ms: None };
        self.directory.announce_backend(&backend, Duration::from_secs(86_400)).await.unwrap();
    }

    /// Starts a router.
    pub fn router(&self) -> Router {
        self.router_under(&FaultInjector::default())
    }

    /// Starts a router that has this weather.
    pub fn router_under(&self, weather: &FaultInjector) -> Router {
        self.router_with(weather, 0)
    }

    /// Starts a router that has this weather and sends a canary every so many seconds.
    pub fn router_with(&self, weather: &FaultInjector, canary_interval: u64) -> Router {
        let Bus::Memory(bus) = &self.bus else { unreachable!("it is in memory") };
        let directory = match &self.directory {
            Directory::Memory(directory) => Directory::Memory(directory.with_faults(weather.clone())),
            redis => redis.clone(),
        };
        let context = Context {
            id: ServiceId::fresh("router"),
            bus: Bus::Memory(bus.with_faults(weather.clone())),
            directory,
            health: Health::default(),
            shutdown: CancellationToken::new(),
            shutdown_policy: ShutdownPolicy { timeout: Duration::from_secs(5), hand_over: true },
        };
        let (health, stop) = (context.health.clone(), context.shutdown.clone());
        let canary = CanaryOptions { canary_interval };
        let options = Options { server_select: Policy::LeastCalls, canary };
        let run = tokio::spawn(async move { router::run(options, context).await.unwrap() });
        Router { health, stop, run }
    }

    pub async fn enqueue(&self, message: &Message) {
        self.bus.enqueue(Queue::Requests(0), message).await.unwrap();
    }

    /// Has a router of its own do this.
    pub async fn ask(&self, message: &Message) {
        let router = self.router();
        sleep(MOMENT).await;
        self.enqueue(message).await;
        sleep(MOMENT).await;
        router.stop().await;
    }

    /// What has come to the edge.
    pub async fn at_edge(&mut self) -> Vec<Message> {
        all(&mut self.edge).await
    }

    /// What has come to the backend.
    pub async fn at_backend(&mut self) -> Vec<Message> {
        all(&mut self.backend).await
    }

    /// What has come to the rest service.
    pub async fn at_rest(&mut self) -> Vec<Message> {
        all(&mut self.rest).await
    }

    /// The next that comes to the edge.
    pub async fn edge_hears(&mut self) -> Body {
        next(&mut self.edge).await
    }

    /// The next that comes to the backend.
    pub async fn backend_hears(&mut self) -> Body {
        next(&mut self.backend).await
    }

    /// The next that comes to the rest service.
    pub async fn rest_hears(&mut self) -> Body {
        next(&mut self.rest).await
    }

    /// Passes over what has come so far.
    pub async fn quietly(&mut self) {
        self.at_rest().await;
        self.at_edge().await;
        self.at_backend().await;
    }

    /// How many requests nobody has finished.
    pub async fn unfinished(&self) -> usize {
        self.bus.backlog(&Queue::Requests(0).key()).await.unwrap()
    }

    /// All that the directory has to say of names, handles and these calls.
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

    pub fn complaints(&self) -> Vec<String> {
        self.health.reasons().into_iter().map(|(name, _)| name).collect()
    }
}

async fn next(mailbox: &mut MailboxReader) -> Body {
    let message = timeout(Duration::from_secs(20), mailbox.next()).await.expect("something comes");
    mailbox.ack();
    message.body
}

/// What can be read without waiting for it.
async fn all(mailbox: &mut MailboxReader) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Ok(message) = timeout(Duration::from_millis(1), mailbox.next()).await {
        messages.push(message);
    }
    mailbox.ack();
    messages
}

/// What messages say: without what differs each time, and each thing once, as whoever gets them sees it.
pub fn words(messages: &[Message]) -> Vec<String> {
    let mut words: Vec<String> = messages.iter().map(|message| format!("{:?}", message.body)).collect();
    words.sort();
    words.dedup();
    words
}
