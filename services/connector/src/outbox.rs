//! Sends messages from this connector to edges, rest services and routers, and writes the `calls` log.
//!
//! Each [`Destination`] has a queue and a task of its own, which posts in order. So the calls do not wait
//! for the bus, and no edge waits for another. A queue holds at most [`MAX_QUEUED`] messages; above that
//! the newest message is dropped and counted. The edge sees the gap by their sequence.
//!
//! # Failures
//! While the bus cannot be reached, all messages wait. A message expires if its mailbox stays full for
//! [`MAX_WAIT_FOR_ROOM`]. A missing mailbox may have been lost with all data of Redis, and then its edge
//! opens it again; messages for it expire after [`MAX_WAIT_FOR_MAILBOX`]. An invite and a second attempt expire at
//! their deadlines. A record of the log is written once, or is dropped and counted.

use crate::calls::action::SecondAttempt;
use crate::metrics;
use bus::message::{Body, CallRecord, Deadline, Events, Message, ProxyInvite, ProxyReply};
use bus::topic::{Mailbox, Queue as BusQueue};
use bus::{Bus, SendError};
use common::sync::Mutex;
use common::{ErrorLog, ServiceId, warn_failure};
use futures_util::future::join_all;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

static QUEUEING: ErrorLog = ErrorLog::new("queueing messages");
static POSTING: ErrorLog = ErrorLog::new("posting messages");
static LOGGING: ErrorLog = ErrorLog::new("writing the log of calls");

/// How many messages wait for one destination, and how many records for the log.
const MAX_QUEUED: usize = 8_192;
/// How many messages for one destination are posted at once.
const MAX_BATCH: usize = 256;
const MAX_WAIT_FOR_ROOM: Duration = Duration::from_secs(10);
const MAX_WAIT_FOR_MAILBOX: Duration = Duration::from_secs(5);
/// The pause before failed messages are posted again.
const POST_RETRY_DELAY: Duration = Duration::from_millis(200);
/// After this time without messages a queue is removed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the last messages may take when the connector stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The queues of a connector. Clones share them.
#[derive(Clone)]
pub struct Outbox {
    bus: Bus,
    queues: Arc<Mutex<Queues>>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Queues {
    by_destination: BTreeMap<Destination, DestinationQueue>,
    log: Option<mpsc::Sender<CallRecord>>,
}

/// Dropped once its message is on the bus, or is given up.
pub type DeliveryGuard = Box<dyn Any + Send>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Destination {
    Edge(ServiceId),
    Rest(ServiceId),
    /// Any rest service, to invite a proxy.
    AnyRest,
    /// The routers that read this shard.
    Routers(u8),
}

struct Queued {
    since: Instant,
    message: Message,
    _guard: DeliveryGuard,
}

/// The messages for one destination, oldest first.
struct DestinationQueue {
    sender: mpsc::Sender<Queued>,
    /// A message was dropped since the queue was last empty.
    overflows: bool,
}

impl Outbox {
    pub fn new(bus: Bus) -> Self {
        let (log, records) = mpsc::channel(MAX_QUEUED);
        let tasks = TaskTracker::new();
        tasks.spawn(write_log(bus.clone(), records));
        let queues = Queues { log: Some(log), ..Queues::default() };
        Self { bus, queues: Arc::new(Mutex::new(queues)), tasks }
    }

    /// Queues a record for the `calls` log.
    pub fn log(&self, record: CallRecord) {
        let is_queued = self.queues.lock().log.as_ref().is_some_and(|log| log.try_send(record).is_ok());
        if !is_queued {
            metrics::record_full(metrics::CALLS_LOG);
        }
    }

    /// Queues events for a client of an edge.
    pub fn send(&self, edge: ServiceId, events: Events, guard: DeliveryGuard) {
        self.post(Destination::Edge(edge), Message::new(Body::Events(events)), guard);
    }

    /// Queues the reply for the rest service whose proxy waits.
    pub fn reply_to_rest(&self, rest: ServiceId, reply: ProxyReply, guard: DeliveryGuard) {
        self.post(Destination::Rest(rest), Message::new(Body::ProxyReply(reply)), guard);
    }

    /// Queues an invite, for any rest service to send to a proxy before the deadline.
    pub fn invite_proxy(&self, invite: ProxyInvite, deadline: Option<Deadline>) {
        let message = Message { deadline, ..Message::new(Body::ProxyInvite(invite)) };
        self.post(Destination::AnyRest, message, Box::new(()));
    }

    /// Queues a call for any router, which places it on another backend. It expires at its deadline.
    pub fn try_again(&self, second: SecondAttempt, guard: DeliveryGuard) {
        let SecondAttempt { call, deadline, request } = second;
        let BusQueue::Requests(shard) = BusQueue::requests_for(request.from.session) else { return };
        let message = Message { id: call.into(), deadline, body: Body::Call(request) };
        self.post(Destination::Routers(shard), message, guard);
    }

    fn post(&self, destination: Destination, message: Message, guard: DeliveryGuard) {
        let queued = Queued { since: Instant::now(), message, _guard: guard };
        let mut queues = self.queues.lock();
        let returned = match queues.by_destination.get_mut(&destination) {
            Some(queue) => queue.add(&destination, queued),
            None => Some(queued),
        };
        if let Some(unsent) = returned {
            let mut queue = self.start_queue(&destination);
            let _ = queue.add(&destination, unsent);
            queues.by_destination.retain(|_, other| !other.sender.is_closed());
            queues.by_destination.insert(destination, queue);
        }
    }

    /// Accepts no more messages, and waits up to [`FLUSH_TIMEOUT`] until all are on the bus.
    pub async fn flush(self) {
        *self.queues.lock() = Queues::default();
        self.tasks.close();
        let _ = timeout(FLUSH_TIMEOUT, self.tasks.wait()).await;
    }

    fn start_queue(&self, destination: &Destination) -> DestinationQueue {
        let (sender, queued) = mpsc::channel(MAX_QUEUED);
        let task =
            Sender { bus: self.bus.clone(), destination: destination.clone(), queued, is_failing: false };
        self.tasks.spawn(task.run());
        DestinationQueue { sender, overflows: false }
    }
}

impl Destination {
    async fn post(&self, bus: &Bus, message: &Message) -> Result<(), SendError> {
        match self {
            Self::Edge(edge) => bus.post(&Mailbox::Edge(edge.clone()), message).await,
            Self::Rest(rest) => bus.post(&Mailbox::Rest(rest.clone()), message).await,
            Self::AnyRest => bus.enqueue(BusQueue::Proxies, message).await,
            Self::Routers(shard) => bus.enqueue(BusQueue::Requests(*shard), message).await,
        }
    }
}

impl DestinationQueue {
    /// Adds a message. Returns it if the queue was just removed as idle.
    fn add(&mut self, destination: &Destination, queued: Queued) -> Option<Queued> {
        self.overflows &= self.sender.capacity() < MAX_QUEUED;
        match self.sender.try_send(queued) {
            Ok(()) => None,
            Err(TrySendError::Closed(queued)) => Some(queued),
            Err(TrySendError::Full(_)) => {
                metrics::record_full(metrics::OUTBOX);
                if !std::mem::replace(&mut self.overflows, true) {
                    warn_failure!(
                        QUEUEING,
                        ?destination,
                        "the queue of messages is full, dropping the newest"
                    );
                }
                None
            }
        }
    }
}

/// Posts the messages for one destination.
struct Sender {
    bus: Bus,
    destination: Destination,
    queued: mpsc::Receiver<Queued>,
    /// The last attempt failed.
    is_failing: bool,
}

impl Sender {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while let Ok(1..) = timeout(IDLE_TIMEOUT, self.queued.recv_many(&mut batch, MAX_BATCH)).await {
            self.post(&mut batch).await;
        }
        self.queued.close();
        while self.queued.recv_many(&mut batch, MAX_BATCH).await > 0 {
            self.post(&mut batch).await;
        }
    }

    /// Posts a batch in order and in one round trip, until each message is posted or given up. A message
    /// that is posted again arrives after later ones. The edge restores the order by their sequence.
    async fn post(&mut self, batch: &mut Vec<Queued>) {
        loop {
            let posts = batch.iter().map(|queued| self.destination.post(&self.bus, &queued.message));
            let outcomes = join_all(posts).await;
            let is_failing = outcomes.iter().any(Result::is_err);
            if !is_failing {
                POSTING.succeeded();
            }
            let mut outcomes = outcomes.into_iter();
            batch.retain(|queued| {
                let Some(Err(error)) = outcomes.next() else { return false };
                let gives_up = queued.message.is_expired() || self.gives_up(&error, queued.since.elapsed());
                self.is_failing = true;
                !gives_up
            });
            self.is_failing = is_failing;
            if batch.is_empty() {
                return;
            }
            sleep(POST_RETRY_DELAY).await;
        }
    }

    /// Whether a message that has waited this long is not posted again.
    fn gives_up(&self, error: &SendError, waited: Duration) -> bool {
        if !self.is_failing {
            warn_failure!(POSTING, %error, destination = ?self.destination, "failed to post messages, retrying");
        }
        match error {
            // During the final flush there is no time to wait for a service that has left.
            SendError::NoMailbox => waited > MAX_WAIT_FOR_MAILBOX || self.queued.is_closed(),
            SendError::Unavailable(_) => false,
            SendError::Full if waited <= MAX_WAIT_FOR_ROOM => false,
            SendError::Full | SendError::TooLarge => {
                metrics::record_full(metrics::OUTBOX);
                true
            }
        }
    }
}

/// Writes the `calls` log. Records are collected while earlier ones are written.
async fn write_log(bus: Bus, mut records: mpsc::Receiver<CallRecord>) {
    let mut batch = Vec::new();
    while records.recv_many(&mut batch, MAX_QUEUED).await > 0 {
        let written = bus.log_calls(&batch).await;
        if let Err(error) = &written {
            batch.iter().for_each(|_| metrics::record_full(metrics::CALLS_LOG));
            warn_failure!(LOGGING, %error, "failed to write the calls log, dropping records");
        } else {
            LOGGING.succeeded();
        }
        batch.clear();
    }
}
