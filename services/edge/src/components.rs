//! Builds the parts of an edge and connects them. Each part holds only the other parts that it needs.

use crate::context::EdgeContext;
use crate::delivery::Delivery;
use crate::heartbeat::{HeartbeatStatus, Liveness};
use crate::net::address::table::AddressTable;
use crate::options::Options;
use crate::persist::writer::SessionWriter;
use crate::publisher::Publisher;
use crate::registry::Registry;
use crate::takeover::claim::{PendingSurrenders, Takeover};
use crate::takeover::orphaned_mailboxes::OrphanedMailboxes;
use crate::takeover::relocation::ForwardingTable;
use crate::wrong_secrets::WrongSecrets;
use bus::ack_tracker::AckTracker;
use bus::topic::{Queue, REQUEST_SHARDS};
use service::{Canary, CancellationToken, Context};
use std::sync::Arc;

/// All parts of an edge, for its connections and its mailbox reader.
pub struct Components {
    pub context: Arc<EdgeContext>,
    pub addresses: AddressTable,
    pub registry: Arc<Registry>,
    pub publisher: Arc<Publisher>,
    pub delivery: Delivery,
    pub writer: Arc<SessionWriter>,
    pub takeover: Takeover,
    pub heartbeat: Arc<HeartbeatStatus>,
    pub wrong_secrets: WrongSecrets,
    /// Tracks which messages of the mailbox are handled.
    pub acks: AckTracker,
    /// Cancelled when the mailbox is not read any more.
    pub mailbox_closed: CancellationToken,
    /// A canary for each shard of requests; the routers return them to the mailbox.
    pub canaries: Vec<(Queue, Canary)>,
}

impl Components {
    pub fn new(options: &Options, context: Context) -> Self {
        let canary = |shard| (Queue::Requests(shard), Canary::new(&context, &format!("requests:{shard}")));
        let sends_canaries = options.canary.interval().is_some();
        let canaries = (0..REQUEST_SHARDS).filter(|_| sends_canaries).map(canary).collect();

        let context = Arc::new(EdgeContext::new(options, context));
        let registry = Arc::new(Registry::default());
        let heartbeat = Arc::new(HeartbeatStatus::default());
        let forwarding = Arc::new(ForwardingTable::default());
        let publisher = Arc::new(Publisher::new(context.clone(), options.location()));
        let writer = Arc::new(SessionWriter::new(context.clone(), registry.clone()));
        let liveness = Liveness::new(context.directory.clone(), heartbeat.clone());
        let delivery = Delivery {
            context: context.clone(),
            registry: registry.clone(),
            forwarding: forwarding.clone(),
            publisher: publisher.clone(),
        };
        let takeover = Takeover {
            context: context.clone(),
            registry: registry.clone(),
            writer: writer.clone(),
            forwarding,
            orphaned_mailboxes: Arc::new(OrphanedMailboxes::new(
                context.clone(),
                delivery.clone(),
                liveness.clone(),
            )),
            liveness,
            surrenders: PendingSurrenders::default(),
        };
        Self {
            addresses: AddressTable::new(options.fair_use.clone()),
            context,
            registry,
            publisher,
            delivery,
            writer,
            takeover,
            heartbeat,
            wrong_secrets: WrongSecrets::default(),
            acks: AckTracker::default(),
            mailbox_closed: CancellationToken::new(),
            canaries,
        }
    }
}
