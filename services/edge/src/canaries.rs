//! The canaries of the request shards: an edge sends them to the routers, which return them to its mailbox.

use crate::shared::Shared;
use bus::message;
use bus::topic::{Queue, REQUEST_SHARDS};
use service::canary::CanaryTarget;
use service::{Canary, Context};
use std::sync::Arc;
use std::time::Duration;

/// One canary for each shard, or none.
pub struct ShardCanaries(Vec<(Queue, Canary)>);

impl ShardCanaries {
    pub fn new(context: &Context, are_sent: bool) -> Self {
        let shards = (0..REQUEST_SHARDS).filter(|_| are_sent);
        let canary = |shard| (Queue::Requests(shard), Canary::new(context, &format!("requests:{shard}")));
        Self(shards.map(canary).collect())
    }

    pub fn on_returned(&self, returned: &message::Canary) {
        self.0.iter().for_each(|(_, canary)| canary.received(returned));
    }

    /// Sends the canaries until the edge stops.
    pub fn spawn(shared: &Arc<Shared>, interval: Duration) {
        for (queue, canary) in shared.canaries.0.clone() {
            let bus = shared.context.bus.clone();
            let target = CanaryTarget::Queue(queue);
            shared.background.spawn(async move { canary.run(&bus, &target, interval).await });
        }
    }
}
