//! A running edge, and what is around it.

use bus::message::{Body, Change, ClientEvent, ClientRequest, Events, LegRef, Message};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, MailboxReader, Worker};
use clap::Parser;
use directory::Directory;
use protocol::{BackendName, CallId, MessageId, ServiceId, Side, videocall};
use service::{CancellationToken, Context, Health, Parting};
use std::time::Duration;
use testkit::{Client, DEADLINE, eventually};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: edge::Options,
}

/// An edge whose routers and whose one connector are this test.
pub struct Bench {
    pub url: String,
    pub bus: Bus,
    pub stop: CancellationToken,
    pub edge: JoinHandle<()>,
    id: ServiceId,
    routers: [Worker; 2],
    backend: MailboxReader,
}

/// A request that reached the routers.
pub struct Asked {
    pub id: MessageId,
    pub asks: ClientRequest,
}

impl Bench {
    pub async fn start(options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", options).await
    }

    /// An edge that listens elsewhere.
    pub async fn start_at(address: &str, options: &[&str]) -> Self {
        let (bus, stop) = (Bus::memory(), CancellationToken::new());
        let id = ServiceId::fresh("edge");
        let context = Context {
            id: id.clone(),
            bus: bus.clone(),
            directory: Directory::memory(),
            health: Health::default(),
            shutdown: stop.clone(),
            parting: Parting { bound: Duration::from_secs(5), hand_over: false },
        };
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let options = Command::parse_from(["edge", "--canary-interval=0"].iter().chain(options)).options;
        let edge = tokio::spawn(async move { edge::run(options, listener, context).await.unwrap() });
        let routers = [bus.work(Queue::Requests(0), "r").await, bus.work(Queue::Requests(1), "r").await];
        let backend = bus.open(backend()).await.unwrap();
        Self { url, bus, stop, edge, id, routers, backend }
    }

    /// A registered client.
    pub async fn alice(&mut self) -> Client {
        let mut alice = Client::attached(&self.url).await;
        let register = serde_json::json!({"request": "register", "username": "alice"});
        alice.post_message(register, None).await;
        let asked = self.request("register").await;
        let name = Some(Change::Registered("alice".to_owned()));
        self.answer(&asked, None, name, "registered").await;
        alice.expect_event("registered").await;
        alice
    }

    /// What next reaches the routers.
    pub async fn message(&mut self) -> Message {
        let [one, two] = &mut self.routers;
        let delivery = async {
            tokio::select! { it = one.next() => it, it = two.next() => it }
        };
        let delivery = timeout(DEADLINE, delivery).await.expect("a request reaches the routers");
        let message = delivery.message.clone();
        delivery.done();
        message
    }

    /// The next request to the routers, which is of that kind.
    pub async fn request(&mut self, kind: &str) -> Asked {
        let message = self.message().await;
        assert_eq!(message.body.kind(), kind);
        match message.body {
            Body::Register(asks) | Body::Call(asks) | Body::List(asks) | Body::Exists(asks) => {
                Asked { id: message.id, asks }
            }
            other => panic!("not a client's request: {other:?}"),
        }
    }

    /// What next reaches the connector.
    pub async fn on_leg(&mut self) -> Message {
        let message = timeout(DEADLINE, self.backend.next()).await.expect("a message for the backend");
        self.backend.done();
        message
    }

    /// Answers a request with an event of that name.
    pub async fn answer(&self, asked: &Asked, call: Option<CallId>, change: Option<Change>, event: &str) {
        let transaction = Some(asked.asks.transaction.clone());
        let data = videocall::event(event, None, None);
        let item = ClientEvent::Plugin { transaction, data, jsep: None };
        self.tell_with(&asked.asks, call, Some(asked.id), change, item).await;
    }

    /// Tells who asked something an event of its own accord.
    pub async fn tell(&self, to: &ClientRequest, call: Option<CallId>, change: Option<Change>, event: &str) {
        let data = videocall::event(event, None, None);
        let item = ClientEvent::Plugin { transaction: None, data, jsep: None };
        self.tell_with(to, call, None, change, item).await;
    }

    async fn tell_with(
        &self,
        to: &ClientRequest,
        call: Option<CallId>,
        answers: Option<MessageId>,
        change: Option<Change>,
        item: ClientEvent,
    ) {
        let (session, handle) = (to.from.session, to.from.handle);
        let events = Events { session, handle, call, stamp: None, answers, change, events: vec![item] };
        let message = Message::new(Body::Events(events));
        self.bus.post(&Mailbox::Edge(self.id.clone()), &message).await.unwrap();
    }

    /// Waits until the edge knows that a client's socket is gone: then one that has lost its name
    /// leaves its call.
    pub async fn notices_the_drop(&mut self, asked: &Asked, leg: LegRef) {
        let displaced = || Some(Change::Displaced("alice".to_owned()));
        eventually("the edge notices that the socket is gone", async || {
            self.tell(&asked.asks, None, displaced(), "unregistered").await;
            let left = timeout(Duration::from_millis(50), self.on_leg()).await;
            left.is_ok_and(|message| matches!(message.body, Body::Hangup(left) if left == leg))
        })
        .await;
    }

    /// alice, in a call that bob has not accepted yet; with the request she made it by.
    pub async fn ringing(&mut self) -> (Client, Asked, LegRef) {
        let mut alice = self.alice().await;
        let call = serde_json::json!({"request": "call", "username": "bob"});
        alice.post_message(call, Some(testkit::sdp::offer())).await;
        let asked = self.request("call").await;
        let leg = LegRef { call: asked.id.into(), side: Side::Caller };
        self.answer(&asked, Some(leg.call), Some(joined(Side::Caller)), "calling").await;
        alice.expect_core("ack").await;
        alice.expect_event("calling").await;
        (alice, asked, leg)
    }
}

pub fn joined(side: Side) -> Change {
    Change::Joined { backend: BackendName::from("a"), side }
}

fn backend() -> Mailbox {
    Mailbox::Backend(BackendName::from("a"))
}
