//! What a worker does four times a second, beside reading: show that it is there, give back
//! what it does not get to, keep what it will get to, take over what died elsewhere.

use super::Prefetched;
use super::clerk::{AckCommand, AckSender};
use super::group::{ConsumerGroup, READ_BATCH};
use super::shelf::PrefetchBuffer;
use crate::redis::outage::RetryState;
use crate::redis::reply::{PendingEntry, RawEntry};
use crate::{DELIVERIES_EXHAUSTED, MAX_DELIVERIES, metrics};
use ::redis::RedisResult;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const INTERVAL: Duration = Duration::from_millis(250);
/// Periods between two signs of life.
const TOUCH_EVERY: u32 = 4;
/// Periods between two sweeps of forgotten consumers.
const SWEEP_EVERY: u32 = 240;

/// Until it is aborted.
pub(super) async fn run(group: Arc<ConsumerGroup>, shelf: Arc<PrefetchBuffer>, desk: AckSender) {
    let mut outage = RetryState::new(format_args!("upkeep of {}", group.key));
    for round in (0..SWEEP_EVERY).cycle() {
        match tick(&group, &shelf, &desk, round).await {
            Ok(()) => outage.reset(),
            Err(error) => {
                group.recreate(&error).await;
                outage.back_off(&error).await;
            }
        }
        sleep(INTERVAL).await;
    }
}

async fn tick(
    group: &ConsumerGroup,
    shelf: &PrefetchBuffer,
    desk: &AckSender,
    round: u32,
) -> RedisResult<()> {
    if round.is_multiple_of(TOUCH_EVERY) {
        group.touch_consumer().await?;
    }
    group.release(&shelf.take_if_inactive()).await?;
    let shelved = shelf.ids();
    if !shelved.is_empty() {
        group.reset_idle(&shelved).await?;
    }
    if shelf.has_room(READ_BATCH) {
        reclaim(group, shelf, desk).await?;
    }
    if round == 0 {
        group.sweep().await?;
    }
    Ok(())
}

async fn reclaim(group: &ConsumerGroup, shelf: &PrefetchBuffer, desk: &AckSender) -> RedisResult<()> {
    let overdue = group.overdue().await?;
    if overdue.is_empty() {
        return Ok(());
    }
    let claimed = group.claim(&overdue).await?;
    metrics::redelivered(&group.key, claimed.len());
    let counts: HashMap<_, _> =
        overdue.iter().map(|PendingEntry { id, deliveries }| (*id, *deliveries)).collect();
    let again = claimed.into_iter().filter_map(|entry| {
        let deliveries = counts.get(&entry.id).copied().unwrap_or_default();
        redeliver(entry, deliveries, desk)
    });
    let again: Vec<Prefetched> = again.collect();
    // What a worker gave back before it handed it out is new.
    let redelivered = again.iter().filter(|held| held.attempt > 1).count();
    shelf.push_front(again);
    group.count_redelivered(redelivered).await;
    Ok(())
}

/// An entry to be delivered again, unless that has been done too often.
fn redeliver(entry: RawEntry, deliveries: u32, desk: &AckSender) -> Option<Prefetched> {
    if deliveries < MAX_DELIVERIES {
        return Prefetched::new(entry, deliveries + 1, desk);
    }
    let RawEntry { id, fields } = entry;
    desk.try_send(AckCommand::DeadLetter { id, fields, error: DELIVERIES_EXHAUSTED.to_owned() });
    None
}
