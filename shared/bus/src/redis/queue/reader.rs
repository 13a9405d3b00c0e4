//! Waits for new messages of a queue, on a connection of its own.

use super::Held;
use super::clerk::Desk;
use super::group::Group;
use super::shelf::Shelf;
use crate::redis::connection::{ClientId, Dedicated};
use crate::redis::outage::Outage;
use crate::redis::reply;
use std::sync::Arc;

pub(super) struct Reader {
    group: Arc<Group>,
    shelf: Arc<Shelf>,
    desk: Desk,
    connection: Dedicated,
}

impl Reader {
    pub(super) fn new(group: Arc<Group>, shelf: Arc<Shelf>, desk: Desk) -> Self {
        let outage = Outage::new(format_args!("worker of {}", group.key));
        let connection = Dedicated::new(group.bus.server.clone(), outage);
        Self { group, shelf, desk, connection }
    }

    /// Who reads, in Redis' eyes.
    pub(super) fn client(&self) -> ClientId {
        self.connection.client()
    }

    /// Until it is aborted.
    pub(super) async fn run(mut self) {
        let read = self.group.read();
        loop {
            self.shelf.wanted().await;
            match self.connection.query(&read).await {
                Ok(value) => {
                    let new = reply::read(value).into_iter();
                    self.shelf.add(new.filter_map(|entry| Held::new(entry, 1, &self.desk)).collect());
                }
                Err(error) => {
                    self.group.mend(&error).await;
                    self.connection.outage.wait(&error).await;
                }
            }
        }
    }
}
