//! Waits for new messages of a queue, on a connection of its own.

use super::acker::AckSender;
use super::consumer_group::ConsumerGroup;
use super::prefetch::{PrefetchBuffer, Prefetched};
use crate::redis::blocking::{BlockingConnection, ClientId};
use crate::redis::parse;
use std::sync::Arc;

pub(super) struct GroupReader {
    group: Arc<ConsumerGroup>,
    prefetch: Arc<PrefetchBuffer>,
    ack_sender: AckSender,
    connection: BlockingConnection,
}

impl GroupReader {
    pub(super) fn new(
        group: Arc<ConsumerGroup>,
        prefetch: Arc<PrefetchBuffer>,
        ack_sender: AckSender,
    ) -> Self {
        let server = group.context.server.clone();
        let connection = BlockingConnection::new(server, format_args!("worker of {}", group.key));
        Self { group, prefetch, ack_sender, connection }
    }

    pub(super) fn client(&self) -> ClientId {
        self.connection.client()
    }

    /// Reads until the task is aborted.
    pub(super) async fn run(mut self) {
        let read = self.group.read_command();
        loop {
            self.prefetch.wait_until_wanted().await;
            match self.connection.query(&read).await {
                Ok(value) => {
                    let new = parse::read(value).into_iter();
                    let new = new.filter_map(|entry| Prefetched::decode(entry, 1, &self.ack_sender));
                    self.prefetch.push_back(new.collect());
                }
                Err(error) => {
                    self.group.recreate(&error).await;
                    self.connection.retry.back_off(&error).await;
                }
            }
        }
    }
}
