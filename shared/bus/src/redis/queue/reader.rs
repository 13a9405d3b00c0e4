//! The tasks that fill the prefetch buffer: one reads new messages, the other reclaims overdue ones.

use super::acker::{AckCommand, AckSender};
use super::consumer_group::{ConsumerGroup, READ_BATCH};
use super::prefetch::{PrefetchBuffer, Prefetched};
use crate::codec::DELIVERIES_EXHAUSTED;
use crate::metrics;
use crate::redis::blocking::{BlockingConnection, ClientId, RetryState};
use crate::redis::parse::{self, PendingEntry, RawEntry};
use crate::topic::MAX_DELIVERIES;
use ::redis::RedisResult;
use common::ErrorLog;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

static RECLAIMING: ErrorLog = ErrorLog::new("reclaiming messages");

/// The pause between two rounds of [`run_reclaim`].
const RECLAIM_INTERVAL: Duration = Duration::from_millis(250);
/// The idle time of the consumer is reset in every 4th round.
const TOUCH_EVERY: u32 = 4;
/// Consumers that have left are removed in every 240th round.
const SWEEP_EVERY: u32 = 240;

/// Waits for new messages, on a connection of its own.
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
                    let new = parse::read(value);
                    self.group.context.confirm_expiry(&new).await;
                    let new =
                        new.into_iter().filter_map(|entry| Prefetched::decode(entry, 1, &self.ack_sender));
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

/// Resets the idle time of the worker's consumer and of its prefetched messages, so that other workers do not take
/// them. Releases the prefetched messages of an inactive worker, and reclaims overdue messages of other workers. Runs
/// until the task is aborted.
pub(super) async fn run_reclaim(
    group: Arc<ConsumerGroup>,
    prefetch: Arc<PrefetchBuffer>,
    ack_sender: AckSender,
) {
    let mut retry = RetryState::new(format_args!("reclaim of {}", group.key), &RECLAIMING);
    for round in (0..SWEEP_EVERY).cycle() {
        match reclaim_round(&group, &prefetch, &ack_sender, round).await {
            Ok(()) => retry.reset(),
            Err(error) => {
                group.recreate(&error).await;
                retry.back_off(&error).await;
            }
        }
        sleep(RECLAIM_INTERVAL).await;
    }
}

async fn reclaim_round(
    group: &ConsumerGroup,
    prefetch: &PrefetchBuffer,
    ack_sender: &AckSender,
    round: u32,
) -> RedisResult<()> {
    if round.is_multiple_of(TOUCH_EVERY) {
        group.touch_consumer().await?;
    }
    group.release(&prefetch.take_if_inactive()).await?;
    let prefetched = prefetch.ids();
    if !prefetched.is_empty() {
        group.reset_idle(&prefetched).await?;
    }
    if prefetch.has_room(READ_BATCH) {
        reclaim(group, prefetch, ack_sender).await?;
    }
    if round == 0 {
        group.sweep().await?;
    }
    Ok(())
}

async fn reclaim(
    group: &ConsumerGroup,
    prefetch: &PrefetchBuffer,
    ack_sender: &AckSender,
) -> RedisResult<()> {
    let overdue = group.overdue().await?;
    if overdue.is_empty() {
        return Ok(());
    }
    let claimed = group.claim(&overdue).await?;
    group.context.confirm_expiry(&claimed).await;
    metrics::redelivered(&group.key, claimed.len());
    let deliveries: HashMap<_, _> =
        overdue.iter().map(|PendingEntry { id, deliveries }| (*id, *deliveries)).collect();
    let mut messages = Vec::new();
    for entry in claimed {
        let deliveries = deliveries.get(&entry.id).copied().unwrap_or_default();
        messages.extend(redeliver(entry, deliveries, ack_sender));
    }
    // An entry that another worker released unread was not delivered before.
    let redelivered = messages.iter().filter(|message| message.attempt > 1).count();
    prefetch.push_front(messages);
    group.count_redelivered(redelivered).await;
    Ok(())
}

/// Delivers an entry again, or moves it to the dead log after too many deliveries.
fn redeliver(entry: RawEntry, deliveries: u32, ack_sender: &AckSender) -> Option<Prefetched> {
    if deliveries < MAX_DELIVERIES {
        return Prefetched::decode(entry, deliveries + 1, ack_sender);
    }
    let RawEntry { id, fields } = entry;
    let error = DELIVERIES_EXHAUSTED.to_owned();
    ack_sender.try_send(AckCommand::DeadLetter { id, fields, error });
    None
}
