//! Deletes from a mailbox what its owner is done with, off the owner's way.

use super::{Epoch, id};
use crate::Mark;
use crate::redis::RedisBus;
use crate::redis::outage::Outage;
use ::redis::{RedisResult, cmd};
use tokio::sync::watch;

pub(super) struct Trimmer {
    bus: RedisBus,
    key: String,
    epoch: Epoch,
    marks: watch::Receiver<Option<Mark>>,
}

impl Trimmer {
    pub(super) fn new(
        bus: &RedisBus,
        key: String,
        epoch: Epoch,
        marks: watch::Receiver<Option<Mark>>,
    ) -> Self {
        Self { bus: bus.clone(), key, epoch, marks }
    }

    /// Until the owner is gone and its last mark is kept.
    pub(super) async fn run(mut self) {
        let mut outage = Outage::new(format_args!("trimmer of {}", self.key));
        while self.marks.changed().await.is_ok() {
            while let Err(error) = self.trim().await {
                let is_abandoned = self.marks.has_changed().is_err();
                if is_abandoned {
                    return;
                }
                outage.wait(&error).await;
            }
            outage.over();
        }
    }

    async fn trim(&mut self) -> RedisResult<()> {
        let mark = *self.marks.borrow_and_update();
        match mark {
            Some(mark) if mark.epoch == self.epoch.now() => {
                let least_kept = id(mark).next().to_string();
                self.bus.shared.try_query(cmd("XTRIM").arg(&self.key).arg("MINID").arg(least_kept)).await
            }
            _ => Ok(()),
        }
    }
}
