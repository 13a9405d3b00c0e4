//! The periodic work of a worker: it keeps its consumer and its prefetched messages from being considered dead,
//! releases those it does not get to, and reclaims overdue messages of others.

use super::acker::{AckCommand, AckSender};
use super::consumer_group::{ConsumerGroup, READ_BATCH};
use super::prefetch::{PrefetchBuffer, Prefetched};
use crate::limits::MAX_DELIVERIES;
use crate::log_line::DELIVERIES_EXHAUSTED;
use crate::metrics;
use crate::redis::blocking::RetryState;
use crate::redis::parse::{PendingEntry, RawEntry};
use ::redis::RedisResult;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const INTERVAL: Duration = Duration::from_millis(250);
/// The consumer is touched every 4th time.
const TOUCH_EVERY: u32 = 4;
/// Consumers that have left are removed every 240th time.
const SWEEP_EVERY: u32 = 240;

/// Runs until the task is aborted.
pub(super) async fn run(group: Arc<ConsumerGroup>, prefetch: Arc<PrefetchBuffer>, ack_sender: AckSender) {
    let mut retry = RetryState::new(format_args!("reclaim of {}", group.key));
    for round in (0..SWEEP_EVERY).cycle() {
        match tick(&group, &prefetch, &ack_sender, round).await {
            Ok(()) => retry.reset(),
            Err(error) => {
                group.recreate(&error).await;
                retry.back_off(&error).await;
            }
        }
        sleep(INTERVAL).await;
    }
}

async fn tick(
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
