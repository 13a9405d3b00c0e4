//! Sends messages from this connector to edges, rest services and routers, and writes the `calls` log.
//!
//! Each [`Destination`] has a queue and a task of its own, which posts in order. So the calls do not wait
//! for the bus, and no edge waits for another. A queue is bounded by [`QUEUE_LIMIT`]; above that the newest message
//! is given up.
//!
//! # Failures
//! While the bus cannot be reached, all messages wait. A message is given up if its mailbox stays full for
//! [`MAX_WAIT_FOR_ROOM`]. A missing mailbox may have been lost with all data of Redis, and then its edge
//! opens it again; messages for it are given up after [`MAX_WAIT_FOR_MAILBOX`]. An invite and a second attempt are
//! given up at their deadlines. Each message that is given up is counted, and its guard is told
//! ([`undelivered`](crate::undelivered)). The last events of a call wait for room as long as their mailbox exists,
//! because nothing else tells the client that the call has ended. A record of the log is written once, or is dropped
//! and counted.

use crate::calls::action::SecondAttempt;
use crate::metrics;
use crate::undelivered::{DeliveryGuard, Loss};
use bus::message::{Body, CallRecord, Change, Deadline, Events, Message, ProxyInvite, ProxyReply};
use bus::topic::{Mailbox, Queue as BusQueue};
use bus::{Bus, SendError};
use common::sync::Mutex;
use common::{ErrorLog, ServiceId, SizeLimit, warn_failure};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

static QUEUEING: ErrorLog = ErrorLog::new("queueing messages");
static POSTING: ErrorLog = ErrorLog::new("posting messages");
static LOGGING: ErrorLog = ErrorLog::new("writing the log of calls");

/// The bound of the messages that wait for one destination.
const QUEUE_LIMIT: SizeLimit = SizeLimit { entries: 8_192, bytes: 16 << 20 };
/// How many records wait for the log. Each has at most about 2 KiB.
const MAX_RECORDS: usize = 8_192;
/// The size of a message that holds nothing of a client but names, in bytes.
const SMALL: usize = 1_024;
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

type Guard = Box<dyn DeliveryGuard>;

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
    guard: Guard,
}

impl Queued {
    fn give_up(&self, loss: Loss) {
        metrics::record_lost(loss);
        self.guard.on_loss(loss);
    }
}

/// The messages for one destination, oldest first.
struct DestinationQueue {
    sender: mpsc::Sender<Queued>,
    /// A message was dropped since the queue was last empty.
    overflows: bool,
}

impl Outbox {
    pub fn new(bus: Bus) -> Self {
        let (log, records) = mpsc::channel(MAX_RECORDS);
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
    pub fn send(&self, edge: ServiceId, events: Events, guard: Guard) {
        self.post(Destination::Edge(edge), Message::new(Body::Events(events)), guard);
    }

    /// Queues the last events of a call for a client of an edge, as soon as there is room.
    pub async fn send_last(&self, edge: ServiceId, events: Events, guard: Guard) {
        let (destination, message) = (Destination::Edge(edge), Message::new(Body::Events(events)));
        let mut queued = Queued { since: Instant::now(), message, guard };
        while let Some(unsent) = self.try_post(&destination, queued) {
            queued = unsent;
            sleep(POST_RETRY_DELAY).await;
        }
    }

    /// Queues the reply for the rest service whose proxy waits.
    pub fn reply_to_rest(&self, rest: ServiceId, reply: ProxyReply, guard: Guard) {
        self.post(Destination::Rest(rest), Message::new(Body::ProxyReply(reply)), guard);
    }

    /// Queues an invite, for any rest service to send to a proxy before the deadline.
    pub fn invite_proxy(&self, invite: ProxyInvite, deadline: Option<Deadline>) {
        let message = Message { deadline, ..Message::new(Body::ProxyInvite(invite)) };
        self.post(Destination::AnyRest, message, Box::new(()));
    }

    /// Queues a call for any router, which places it on another backend. It expires at its deadline.
    pub fn try_again(&self, second: SecondAttempt, guard: Guard) {
        let SecondAttempt { call, deadline, request } = second;
        let BusQueue::Requests(shard) = BusQueue::requests_for(request.from.session) else { return };
        let message = Message { id: call.into(), deadline, body: Body::Call(request) };
        self.post(Destination::Routers(shard), message, guard);
    }

    fn post(&self, destination: Destination, message: Message, guard: Guard) {
        let queued = Queued { since: Instant::now(), message, guard };
        if let Some(unsent) = self.try_post(&destination, queued) {
            metrics::record_full(metrics::OUTBOX);
            unsent.give_up(Loss::OutboxFull);
        }
    }

    /// Queues a message, or returns it if there is no room.
    fn try_post(&self, destination: &Destination, queued: Queued) -> Option<Queued> {
        let mut queues = self.queues.lock();
        let refused = match queues.by_destination.get_mut(destination) {
            Some(queue) => queue.add(destination, queued)?,
            None => Refused::Closed(queued),
        };
        match refused {
            Refused::Full(unsent) => Some(unsent),
            // The queue is new, or was just removed as idle.
            Refused::Closed(unsent) => {
                let mut queue = self.start_queue(destination);
                let _ = queue.add(destination, unsent);
                queues.by_destination.retain(|_, other| !other.sender.is_closed());
                queues.by_destination.insert(destination.clone(), queue);
                None
            }
        }
    }

    /// Accepts no more messages, and waits up to [`FLUSH_TIMEOUT`] until all are on the bus.
    pub async fn flush(self) {
        *self.queues.lock() = Queues::default();
        self.tasks.close();
        let _ = timeout(FLUSH_TIMEOUT, self.tasks.wait()).await;
    }

    fn start_queue(&self, destination: &Destination) -> DestinationQueue {
        let (sender, queued) = mpsc::channel(QUEUE_LIMIT.entries);
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

/// Why a queue did not take a message, with the message.
enum Refused {
    Full(Queued),
    /// The queue was just removed as idle.
    Closed(Queued),
}

impl DestinationQueue {
    fn add(&mut self, destination: &Destination, queued: Queued) -> Option<Refused> {
        let waiting = QUEUE_LIMIT.entries - self.sender.capacity();
        self.overflows &= waiting > 0;
        let sent = if QUEUE_LIMIT.admits(waiting, size(&queued.message)) {
            self.sender.try_send(queued)
        } else {
            Err(TrySendError::Full(queued))
        };
        Some(match sent.err()? {
            TrySendError::Closed(unsent) => Refused::Closed(unsent),
            TrySendError::Full(unsent) => {
                if !std::mem::replace(&mut self.overflows, true) {
                    warn_failure!(
                        QUEUEING,
                        ?destination,
                        "the queue of messages is full, giving up the newest"
                    );
                }
                Refused::Full(unsent)
            }
        })
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
                let loss = self.loss(&error, queued);
                self.is_failing = true;
                if let Some(loss) = loss {
                    queued.give_up(loss);
                }
                loss.is_none()
            });
            self.is_failing = is_failing;
            if batch.is_empty() {
                return;
            }
            sleep(POST_RETRY_DELAY).await;
        }
    }

    /// Why a message is not posted again after this error, if it is not.
    fn loss(&self, error: &SendError, queued: &Queued) -> Option<Loss> {
        let waited = queued.since.elapsed();
        if !self.is_failing {
            warn_failure!(POSTING, %error, destination = ?self.destination, "failed to post messages, retrying");
        }
        let loss = match error {
            SendError::TooLarge => Some(Loss::TooLarge),
            // During the final flush there is no time to wait for a service that has left.
            SendError::NoMailbox => {
                (waited > MAX_WAIT_FOR_MAILBOX || self.queued.is_closed()).then_some(Loss::NoMailbox)
            }
            SendError::Full => {
                (waited > MAX_WAIT_FOR_ROOM && !is_last(&queued.message)).then_some(Loss::StreamFull)
            }
            SendError::Unavailable(_) => None,
        };
        loss.or_else(|| queued.message.is_expired().then_some(Loss::Expired))
    }
}

/// The approximate size of a message in bytes: what clients and Janus have sent.
fn size(message: &Message) -> usize {
    match &message.body {
        Body::Events(events) => events.size(),
        Body::Call(request) => {
            request.body.get().len() + request.jsep.as_ref().map_or(0, |jsep| jsep.get().len())
        }
        _ => SMALL,
    }
}

/// Whether these are the last events of a call for its client.
fn is_last(message: &Message) -> bool {
    matches!(&message.body, Body::Events(Events { change: Some(Change::Left), .. }))
}

/// Writes the `calls` log. Records are collected while earlier ones are written.
async fn write_log(bus: Bus, mut records: mpsc::Receiver<CallRecord>) {
    let mut batch = Vec::new();
    while records.recv_many(&mut batch, MAX_RECORDS).await > 0 {
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
