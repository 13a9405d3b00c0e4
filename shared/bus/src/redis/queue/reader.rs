//! Waits for new messages of a queue, on a connection of its own.

use super::Prefetched;
use super::clerk::AckSender;
use super::group::ConsumerGroup;
use super::shelf::PrefetchBuffer;
use crate::redis::connection::{BlockingConnection, ClientId};
use crate::redis::outage::RetryState;
use crate::redis::reply;
use std::sync::Arc;

pub(super) struct Reader {
    group: Arc<ConsumerGroup>,
    prefetch: Arc<PrefetchBuffer>,
    ack_sender: AckSender,
    connection: BlockingConnection,
}

impl Reader {
    pub(super) fn new(
        group: Arc<ConsumerGroup>,
        prefetch: Arc<PrefetchBuffer>,
        ack_sender: AckSender,
    ) -> Self {
        let outage = RetryState::new(format_args!("worker of {}", group.key));
        let connection = BlockingConnection::new(group.bus.server.clone(), outage);
        Self { group, prefetch, ack_sender, connection }
    }

    /// Who reads, in Redis' eyes.
    pub(super) fn client(&self) -> ClientId {
        self.connection.client()
    }

    /// Until it is aborted.
    pub(super) async fn run(mut self) {
        let read = self.group.read_command();
        loop {
            self.prefetch.wait_until_wanted().await;
            match self.connection.query(&read).await {
                Ok(value) => {
                    let new = reply::read(value).into_iter();
                    self.prefetch.push_back(
                        new.filter_map(|entry| Prefetched::new(entry, 1, &self.ack_sender)).collect(),
                    );
                }
                Err(error) => {
                    self.group.recreate(&error).await;
                    self.connection.retry.back_off(&error).await;
                }
            }
        }
    }
}
