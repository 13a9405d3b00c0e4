//! Whether the roads to the routers and back are open: a canary for each shard of requests, which a
//! router sends back to this edge's mailbox.

use crate::shared::Shared;
use bus::message;
use bus::topic::{Queue, REQUEST_SHARDS};
use common::ServiceId;
use service::canary::{self, CANARY_TIMEOUT};
use service::{Canary, Context};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The roads that are watched, by the names their canaries carry.
pub struct ShardCanaries {
    edge_id: ServiceId,
    canaries: BTreeMap<String, (Queue, Canary)>,
}

impl ShardCanaries {
    /// A road for each shard, or none.
    pub fn new(context: &Context, are_sent: bool) -> Self {
        let road = |shard| {
            let name = format!("requests:{shard}");
            let canary = Canary::new(context.health.clone(), &name, CANARY_TIMEOUT);
            (name, (Queue::Requests(shard), canary))
        };
        let canaries = (0..REQUEST_SHARDS).filter(|_| are_sent).map(road).collect();
        Self { edge_id: context.id.clone(), canaries }
    }

    /// One has come back.
    pub fn on_returned(&self, canary: &message::Canary) {
        if let Some((_, road)) = self.canaries.get(&canary.stream).filter(|_| canary.from == self.edge_id) {
            road.heard(canary.number);
        }
    }

    /// Sends them for as long as the edge is.
    pub fn spawn(shared: &Arc<Shared>, every: Duration) {
        for (name, (queue, canary)) in shared.canaries.canaries.clone() {
            let shared = shared.clone();
            shared
                .background
                .clone()
                .spawn(async move { send_canaries(&shared.context, &name, queue, &canary, every).await });
        }
    }
}

async fn send_canaries(context: &Context, road: &str, queue: Queue, canary: &Canary, every: Duration) {
    let send = |number| {
        let message = canary::message(&context.id, road, number);
        async move {
            // One that is not sent is missed like one that is lost.
            let _ = context.bus.enqueue(queue, &message).await;
        }
    };
    canary.keep_sending(every, send).await;
}
