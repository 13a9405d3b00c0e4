//! What clients are to hear, on its way to their edges, and the lines of the `calls` log.
//!
//! Each edge has a queue of at most [`QUEUE`] messages and one task that posts them in order, so
//! that a backend never waits for the bus. A queue that is full makes the sender wait. An edge that
//! cannot be reached for [`PATIENCE`] loses the message; one that is gone has no clients to tell.

use bus::message::{Body, CallRecord, Events, Message};
use bus::topic::Mailbox;
use bus::{Bus, SendError};
use protocol::ServiceId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

const QUEUE: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(10);
/// A queue without messages for so long is given up.
const IDLE: Duration = Duration::from_secs(60);

/// How long the last messages may take when a connector stops.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The queues of a connector; clones share them.
#[derive(Clone)]
pub struct Outbox {
    bus: Bus,
    queues: Arc<Mutex<Queues>>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Queues {
    edges: HashMap<ServiceId, mpsc::Sender<Events>>,
    log: Option<mpsc::Sender<CallRecord>>,
}

impl Outbox {
    /// Without queues yet.
    pub fn new(bus: Bus) -> Self {
        let (log, records) = mpsc::channel(QUEUE);
        let tasks = TaskTracker::new();
        tasks.spawn(write_log(bus.clone(), records));
        let queues = Queues { log: Some(log), ..Queues::default() };
        Self { bus, queues: Arc::new(Mutex::new(queues)), tasks }
    }

    /// Writes a line of the `calls` log, behind those written before.
    pub async fn log(&self, record: CallRecord) {
        let log = self.lock().log.clone();
        if let Some(log) = log {
            let _ = log.send(record).await;
        }
    }

    /// Sends events to an edge, behind those sent before.
    pub async fn send(&self, edge: ServiceId, events: Events) {
        let queue = self.queue(&edge);
        if let Err(mpsc::error::SendError(events)) = queue.send(events).await {
            // The queue was given up this very moment: a new one takes its place.
            let _ = self.queue(&edge).send(events).await;
        }
    }

    /// Takes nothing more and waits, but not long, until all is on the bus.
    pub async fn finish(self) {
        *self.lock() = Queues::default();
        self.tasks.close();
        let _ = tokio::time::timeout(LAST_WORDS, self.tasks.wait()).await;
    }

    fn queue(&self, edge: &ServiceId) -> mpsc::Sender<Events> {
        let mut queues = self.lock();
        if let Some(queue) = queues.edges.get(edge).filter(|queue| !queue.is_closed()) {
            return queue.clone();
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        queues.edges.insert(edge.clone(), sender.clone());
        self.tasks.spawn(post_all(self.bus.clone(), Mailbox::Edge(edge.clone()), receiver));
        sender
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn post_all(bus: Bus, mailbox: Mailbox, mut receiver: mpsc::Receiver<Events>) {
    while let Ok(Some(events)) = tokio::time::timeout(IDLE, receiver.recv()).await {
        post(&bus, &mailbox, events).await;
    }
    receiver.close();
    while let Some(events) = receiver.recv().await {
        post(&bus, &mailbox, events).await;
    }
}

async fn post(bus: &Bus, mailbox: &Mailbox, events: Events) {
    let message = Message::new(Body::Events(events));
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match bus.post(mailbox, &message).await {
            Ok(()) | Err(SendError::NoMailbox) => return,
            Err(error) if tokio::time::Instant::now() > until => {
                metrics::counter!("switchboard_connector_lost_events_total").increment(1);
                return tracing::error!(%error, "events for a client are lost");
            }
            Err(error) => tracing::warn!(%error, "events for a client wait for the bus"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn write_log(bus: Bus, mut records: mpsc::Receiver<CallRecord>) {
    while let Some(record) = records.recv().await {
        if let Err(error) = bus.log_call(&record).await {
            tracing::warn!(%error, call = %record.call, "a line of the calls log is lost");
        }
    }
}
