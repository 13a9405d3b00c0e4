//! The connections of one bus and one directory.

use crate::server::RefusingServer;
use bus::message::{
    Address, Body, CallEvent, CallRecord, ClientRequest, Location, Message, Notice, StepDurations,
};
use bus::topic::{Log, Mailbox, Queue};
use bus::{Bus, Follower, MailboxReader, Notices, Worker};
use common::{CallId, MessageId, ServiceId};
use directory::Directory;
use protocol::{HandleId, SessionId};
use redis_connection::{Server, ServerConfig};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The pause between two commands of one kind.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a message may travel before another one is sent.
const DELIVERY: Duration = Duration::from_secs(1);
/// The TTL of a lease.
const TTL: Duration = Duration::from_secs(4);

/// The numbers of all messages, so that one that was sent later has a greater number.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// Each kind of connection with the time until it worked, or `None` if it did not.
pub type Recovered = Vec<(&'static str, Option<Duration>)>;

pub struct Connections {
    bus: Bus,
    directory: Directory,
    id: ServiceId,
    queue: Queue,
    worker: Worker,
    mailbox: MailboxReader,
    notices: Notices,
    follower: Follower,
    errors: Mutex<BTreeSet<String>>,
}

impl Connections {
    /// Sets with different numbers do not receive each other's messages.
    pub async fn open(refusing: &RefusingServer, number: u8) -> Self {
        let config =
            ServerConfig { url: refusing.client_url(), ca: refusing.authority(), ..ServerConfig::default() };
        let server = Server::new(&config).unwrap();
        let bus = Bus::connect(&server).await.unwrap();
        let directory = Directory::connect(&server).await.unwrap();
        let (id, queue) = (ServiceId::from(format!("edge-{number}").as_str()), Queue::Requests(number));
        Self {
            worker: bus.join_workers(queue, id.as_str()).await,
            mailbox: bus.open(Mailbox::Edge(id.clone())).await.unwrap(),
            notices: bus.subscribe().await,
            follower: bus.follow(Log::Calls, 0).await.unwrap(),
            errors: Mutex::default(),
            bus,
            directory,
            id,
            queue,
        }
    }

    /// Sends commands of every kind until cancelled, and collects the errors.
    pub async fn exercise(&self) {
        let (bus, mailbox) = (&self.bus, Mailbox::Edge(self.id.clone()));
        loop {
            let (message, call) = (message(next_number()), record(next_number()));
            let notice = Notice::NameDisplaced(next_number().to_string());
            let _ = tokio::join!(
                async { self.collect(self.directory.heartbeat(&self.id).await) },
                async { self.collect(self.directory.acquire_lease("a", &self.id, TTL).await) },
                async { self.collect(bus.publish(&notice).await) },
                async { self.collect(bus.enqueue(self.queue, &message).await) },
                async { self.collect(bus.post(&mailbox, &message).await) },
                async { self.collect(bus.log_calls(&[call]).await) },
            );
            sleep(PAUSE).await;
        }
    }

    fn collect<T, E: std::fmt::Display>(&self, result: Result<T, E>) {
        if let Err(error) = result {
            self.errors.lock().unwrap().insert(error.to_string());
        }
    }

    /// The errors so far.
    pub fn errors(&self) -> String {
        Vec::from_iter(self.errors.lock().unwrap().iter().cloned()).join("; ")
    }

    /// Uses every kind of connection until it works, at most for `limit` each.
    pub async fn all_work(&mut self, limit: Duration) -> Recovered {
        let Self { bus, directory, id, queue, worker, mailbox, notices, follower, .. } = self;
        let (bus, id, queue, first) = (&*bus, &*id, *queue, NEXT_NUMBER.load(Ordering::SeqCst));
        let address = &Mailbox::Edge(id.clone());
        let recovered = tokio::join!(
            works("directory's command", limit, async || directory.heartbeat(id).await.is_ok()),
            works("directory's script", limit, async || {
                directory.acquire_lease(&format!("of {id}"), id, TTL).await.is_ok()
            }),
            works("bus's command", limit, async || bus.ping().await.is_ok()),
            works("bus's script", limit, async || bus.enqueue(queue, &message(next_number())).await.is_ok()),
            works("worker of a queue", limit, async || {
                let _ = bus.enqueue(queue, &message(next_number())).await;
                received(first, async || {
                    let delivery = worker.next().await;
                    let number = number(&delivery.message);
                    delivery.ack();
                    number
                })
                .await
            }),
            works("reader of a mailbox", limit, async || {
                let _ = bus.post(address, &message(next_number())).await;
                received(first, async || {
                    let number = number(&mailbox.next().await);
                    mailbox.ack();
                    number
                })
                .await
            }),
            works("follower of a log", limit, async || {
                let _ = bus.log_calls(&[record(next_number())]).await;
                received(first, async || {
                    let line = follower.next().await;
                    line.iter().find(|(name, _)| name == "duration_ms").unwrap().1.parse().unwrap()
                })
                .await
            }),
            works("subscription", limit, async || {
                let _ = bus.publish(&Notice::NameDisplaced(next_number().to_string())).await;
                received(first, async || match notices.next().await {
                    Notice::NameDisplaced(name) => name.parse().unwrap(),
                    _ => 0,
                })
                .await
            }),
        );
        <[_; 8]>::from(recovered).into()
    }
}

/// Attempts until one succeeds. Returns the time that it took.
async fn works(
    kind: &'static str,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> bool,
) -> (&'static str, Option<Duration>) {
    let start = Instant::now();
    let attempts = async {
        while !attempt().await {
            sleep(PAUSE / 5).await;
        }
    };
    (kind, timeout(limit, attempts).await.ok().map(|()| start.elapsed()))
}

/// Whether a message that was sent since `first` arrives in time.
async fn received(first: u64, mut next: impl AsyncFnMut() -> u64) -> bool {
    let receiving = async { while next().await < first {} };
    timeout(DELIVERY, receiving).await.is_ok()
}

fn next_number() -> u64 {
    NEXT_NUMBER.fetch_add(1, Ordering::SeqCst)
}

fn message(number: u64) -> Message {
    let body = RawValue::from_string("{}".to_owned()).unwrap();
    let from = Address { edge: ServiceId::from("edge"), session: SessionId(1), handle: HandleId(2) };
    let (transaction, location) = (number.to_string(), Location::default());
    Message::new(Body::Exists(ClientRequest {
        from,
        transaction,
        body,
        location,
        jsep: None,
        requested_at: None,
        failed: None,
    }))
}

fn number(message: &Message) -> u64 {
    match &message.body {
        Body::Exists(request) => request.transaction.parse().unwrap(),
        other => panic!("not a numbered message: {other:?}"),
    }
}

fn record(number: u64) -> CallRecord {
    CallRecord {
        call: CallId::from(MessageId::fresh()),
        event: CallEvent::Ended,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: "a".into(),
        kind: None,
        reason: None,
        duration_ms: Some(number),
        steps: StepDurations::default(),
    }
}
