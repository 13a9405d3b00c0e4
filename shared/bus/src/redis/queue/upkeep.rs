//! What a worker does four times a second, beside reading: show that it is there, give back
//! what it does not get to, keep what it will get to, take over what died elsewhere.

use super::Held;
use super::clerk::{Desk, Order};
use super::group::{BATCH, Group};
use super::shelf::Shelf;
use crate::redis::outage::Outage;
use crate::redis::reply::{Entry, Pending};
use crate::{MAX_DELIVERIES, NEVER_FINISHED, numbers};
use ::redis::RedisResult;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const PERIOD: Duration = Duration::from_millis(250);
/// Periods between two signs of life.
const SHOW_EVERY: u32 = 4;
/// Periods between two sweeps of forgotten consumers.
const SWEEP_EVERY: u32 = 240;

/// Until it is aborted.
pub(super) async fn run(group: Arc<Group>, shelf: Arc<Shelf>, desk: Desk) {
    let mut outage = Outage::new(format_args!("upkeep of {}", group.key));
    for round in (0..SWEEP_EVERY).cycle() {
        match one_round(&group, &shelf, &desk, round).await {
            Ok(()) => outage.over(),
            Err(error) => {
                group.mend(&error).await;
                outage.wait(&error).await;
            }
        }
        sleep(PERIOD).await;
    }
}

async fn one_round(group: &Group, shelf: &Shelf, desk: &Desk, round: u32) -> RedisResult<()> {
    if round.is_multiple_of(SHOW_EVERY) {
        group.show().await?;
    }
    group.give_back(&shelf.unattended()).await?;
    let shelved = shelf.ids();
    if !shelved.is_empty() {
        group.touch(&shelved).await?;
    }
    if shelf.has_room(BATCH) {
        take_over(group, shelf, desk).await?;
    }
    if round == 0 {
        group.sweep().await?;
    }
    Ok(())
}

async fn take_over(group: &Group, shelf: &Shelf, desk: &Desk) -> RedisResult<()> {
    let overdue = group.overdue().await?;
    if overdue.is_empty() {
        return Ok(());
    }
    let claimed = group.claim(&overdue).await?;
    numbers::redelivered(&group.key, claimed.len());
    let counts: HashMap<_, _> = overdue.iter().map(|Pending { id, deliveries }| (*id, *deliveries)).collect();
    let again = claimed.into_iter().filter_map(|entry| {
        let deliveries = counts.get(&entry.id).copied().unwrap_or_default();
        once_more(entry, deliveries, desk)
    });
    let again: Vec<Held> = again.collect();
    // What a worker gave back before it handed it out is new.
    let redelivered = again.iter().filter(|held| held.attempt > 1).count();
    shelf.add_first(again);
    group.count_redelivered(redelivered).await;
    Ok(())
}

/// An entry to be delivered again, unless that has been done too often.
fn once_more(entry: Entry, deliveries: u32, desk: &Desk) -> Option<Held> {
    if deliveries < MAX_DELIVERIES {
        return Held::new(entry, deliveries + 1, desk);
    }
    let Entry { id, fields } = entry;
    desk.place(Order::Bury { id, fields, error: NEVER_FINISHED.to_owned() });
    None
}
