//! Waits for new messages of a queue, on a connection of its own.

use super::Held;
use super::clerk::Desk;
use super::group::Group;
use super::shelf::Shelf;
use crate::redis::connection::Dedicated;
use crate::redis::outage::Outage;
use crate::redis::reply;
use std::sync::Arc;

/// Until it is aborted.
pub(super) async fn run(group: Arc<Group>, shelf: Arc<Shelf>, desk: Desk) {
    let outage = Outage::new(format_args!("worker of {}", group.key));
    let mut connection = Dedicated::new(group.bus.server.clone(), outage);
    let read = group.read();
    loop {
        shelf.wanted().await;
        match connection.query(&read).await {
            Ok(value) => {
                let new = reply::read(value).into_iter();
                shelf.add(new.filter_map(|entry| Held::new(entry, 1, &desk)).collect());
            }
            Err(error) => {
                group.mend(&error).await;
                connection.outage.wait(&error).await;
            }
        }
    }
}
