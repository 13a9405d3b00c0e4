//! What clients are to hear, on its way to their edges; what peers are to hear, on its way to the rest
//! services; and the lines of the `calls` log.
//!
//! Each [`Road`] has a queue of its own and one task that posts in order, so that nothing here waits for
//! the bus, and no edge for another. Queues are bounded by [`QUEUE`]. The rule when one is full: what
//! is newest is dropped and counted; the stamps let the edge see the gap.
//!
//! How it fails: while the bus is away everything waits for it. An edge that is too slow to make room
//! in its mailbox within [`PATIENCE`] misses what waited for that long. One without a mailbox may have
//! lost it with all that Redis held, and opens it again; after [`GONE_FOR_GOOD`] there is nobody to
//! tell any more. What a peer is to be asked is given up at its deadline. A line of the log is written once or lost, and counted then.

use crate::numbers;
use bus::message::{Body, CallRecord, Deadline, Events, Message, ProxyInvite, ProxyReply};
use bus::topic::{Mailbox, Queue as BusQueue};
use bus::{Bus, SendError};
use common::ServiceId;
use futures_util::future::join_all;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

/// How many messages wait on one road, and how many lines for the log.
const MAX_QUEUED: usize = 8_192;
/// How many messages of a road are on their way at once.
const MAX_BATCH: usize = 256;
/// How long a message waits for room in its mailbox.
const MAX_WAIT_FOR_ROOM: Duration = Duration::from_secs(10);
/// How long one waits for its mailbox.
const MAX_WAIT_FOR_MAILBOX: Duration = Duration::from_secs(5);
/// The pause before what failed is tried again.
const POST_RETRY_DELAY: Duration = Duration::from_millis(200);
/// A queue without messages for so long is given up.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the last messages may take when a connector stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The queues of a connector; clones share them.
#[derive(Clone)]
pub struct Outbox {
    bus: Bus,
    queues: Arc<Mutex<Queues>>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Queues {
    by_destination: BTreeMap<Destination, Queue>,
    log: Option<mpsc::Sender<CallRecord>>,
}

/// Dropped when the events that it goes with are on the bus, or given up.
pub type DeliveryGuard = Box<dyn Any + Send>;

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Destination {
    Edge(ServiceId),
    /// To the rest service that waits.
    Rest(ServiceId),
    /// To any rest service.
    AnyRest,
}

/// A message, and the time since which it waits.
type Queued = (Instant, Message, DeliveryGuard);

/// What waits on one road, oldest first.
struct Queue {
    sender: mpsc::Sender<Queued>,
    /// Something was dropped since it was empty last.
    overflows: bool,
}

impl Outbox {
    /// Without queues yet.
    pub fn new(bus: Bus) -> Self {
        let (log, records) = mpsc::channel(MAX_QUEUED);
        let tasks = TaskTracker::new();
        tasks.spawn(write_log(bus.clone(), records));
        let queues = Queues { log: Some(log), ..Queues::default() };
        Self { bus, queues: Arc::new(Mutex::new(queues)), tasks }
    }

    /// Writes a line of the `calls` log, behind those written before.
    pub fn log(&self, record: CallRecord) {
        let is_taken = self.lock().log.as_ref().is_some_and(|log| log.try_send(record).is_ok());
        if !is_taken {
            numbers::record_full(numbers::CALLS_LOG);
        }
    }

    /// Sends events to an edge, behind those sent before.
    pub fn send(&self, edge: ServiceId, events: Events, witness: DeliveryGuard) {
        self.post(Destination::Edge(edge), Message::new(Body::Events(events)), witness);
    }

    /// Tells a rest service whether its peer may call.
    pub fn reply_to_rest(&self, rest: ServiceId, answer: ProxyReply, witness: DeliveryGuard) {
        self.post(Destination::Rest(rest), Message::new(Body::ProxyReply(answer)), witness);
    }

    /// Has a rest service ask a peer, until the deadline.
    pub fn invite_proxy(&self, ask: ProxyInvite, deadline: Option<Deadline>) {
        let message = Message { deadline, ..Message::new(Body::ProxyInvite(ask)) };
        self.post(Destination::AnyRest, message, Box::new(()));
    }

    fn post(&self, road: Destination, message: Message, witness: DeliveryGuard) {
        let news = (Instant::now(), message, witness);
        let mut queues = self.lock();
        let unsent = match queues.by_destination.get_mut(&road) {
            Some(queue) => queue.add(&road, news),
            None => Some(news),
        };
        if let Some(news) = unsent {
            let mut queue = self.start_queue(&road);
            let _ = queue.add(&road, news);
            queues.by_destination.retain(|_, queue| !queue.sender.is_closed());
            queues.by_destination.insert(road, queue);
        }
    }

    /// Takes nothing more and waits, but not long, until all is on the bus.
    pub async fn flush(self) {
        *self.lock() = Queues::default();
        self.tasks.close();
        let _ = timeout(FLUSH_TIMEOUT, self.tasks.wait()).await;
    }

    fn start_queue(&self, road: &Destination) -> Queue {
        let (sender, waiting) = mpsc::channel(MAX_QUEUED);
        let postman =
            Sender { bus: self.bus.clone(), destination: road.clone(), queued: waiting, is_failing: false };
        self.tasks.spawn(postman.run());
        Queue { sender, overflows: false }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination {
    async fn post(&self, bus: &Bus, message: &Message) -> Result<(), SendError> {
        match self {
            Self::Edge(edge) => bus.post(&Mailbox::Edge(edge.clone()), message).await,
            Self::Rest(rest) => bus.post(&Mailbox::Rest(rest.clone()), message).await,
            Self::AnyRest => bus.enqueue(BusQueue::Proxies, message).await,
        }
    }
}

impl Queue {
    /// Gives back what comes when the queue has just been given up as idle.
    fn add(&mut self, road: &Destination, news: Queued) -> Option<Queued> {
        self.overflows &= self.sender.capacity() < MAX_QUEUED;
        match self.sender.try_send(news) {
            Ok(()) => None,
            Err(TrySendError::Closed(news)) => Some(news),
            Err(TrySendError::Full(_)) => {
                numbers::record_full(numbers::OUTBOX);
                if !std::mem::replace(&mut self.overflows, true) {
                    tracing::warn!(?road, "too much waits for a service: what is newest is dropped");
                }
                None
            }
        }
    }
}

/// Posts what waits on one road.
struct Sender {
    bus: Bus,
    destination: Destination,
    queued: mpsc::Receiver<Queued>,
    /// The last try failed.
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

    /// In order and in one round trip, where all is well. What has to be tried again comes behind what did not;
    /// the stamps put it right.
    async fn post(&mut self, batch: &mut Vec<Queued>) {
        loop {
            let posts = batch.iter().map(|(_, message, _)| self.destination.post(&self.bus, message));
            let outcomes = join_all(posts).await;
            let is_held_up = outcomes.iter().any(Result::is_err);
            let mut outcomes = outcomes.into_iter();
            batch.retain(|(since, message, _)| match outcomes.next() {
                Some(Err(error)) => {
                    let gives_up = message.is_expired() || self.gives_up(&error, since.elapsed());
                    self.is_failing = true;
                    !gives_up
                }
                _ => false,
            });
            self.is_failing = is_held_up;
            if batch.is_empty() {
                return;
            }
            sleep(POST_RETRY_DELAY).await;
        }
    }

    /// Whether a message that has waited for so long is tried no more.
    fn gives_up(&self, error: &SendError, waited: Duration) -> bool {
        if !self.is_failing {
            tracing::warn!(%error, road = ?self.destination, "messages for a service are held up");
        }
        match error {
            // At the end there is no time to wait for a service that has left before.
            SendError::NoMailbox => waited > MAX_WAIT_FOR_MAILBOX || self.queued.is_closed(),
            SendError::Unavailable(_) => false,
            SendError::Full if waited <= MAX_WAIT_FOR_ROOM => false,
            SendError::Full | SendError::TooLarge => {
                numbers::record_full(numbers::OUTBOX);
                true
            }
        }
    }
}

/// Lines gather while the last ones are written.
async fn write_log(bus: Bus, mut records: mpsc::Receiver<CallRecord>) {
    let (mut lines, mut are_lost) = (Vec::new(), false);
    while records.recv_many(&mut lines, MAX_QUEUED).await > 0 {
        let written = bus.log_calls(&lines).await;
        if let Err(error) = &written {
            lines.iter().for_each(|_| numbers::record_full(numbers::CALLS_LOG));
            if !are_lost {
                tracing::warn!(%error, "lines of the calls log are lost");
            }
        }
        are_lost = written.is_err();
        lines.clear();
    }
}
