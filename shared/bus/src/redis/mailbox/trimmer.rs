//! Deletes from a mailbox what its owner is done with, off the owner's way.

use super::{Epoch, entry_id};
use crate::MailboxOffset;
use crate::redis::RedisBus;
use crate::redis::outage::RetryState;
use ::redis::{RedisResult, cmd};
use tokio::sync::watch;

pub(super) struct Trimmer {
    bus: RedisBus,
    key: String,
    epoch: Epoch,
    offsets: watch::Receiver<Option<MailboxOffset>>,
}

impl Trimmer {
    pub(super) fn new(
        bus: &RedisBus,
        key: String,
        epoch: Epoch,
        offsets: watch::Receiver<Option<MailboxOffset>>,
    ) -> Self {
        Self { bus: bus.clone(), key, epoch, offsets }
    }

    /// Until the owner is gone and its last mark is kept.
    pub(super) async fn run(mut self) {
        let mut outage = RetryState::new(format_args!("trimmer of {}", self.key));
        while self.offsets.changed().await.is_ok() {
            while let Err(error) = self.trim().await {
                let is_abandoned = self.offsets.has_changed().is_err();
                if is_abandoned {
                    return;
                }
                outage.back_off(&error).await;
            }
            outage.reset();
        }
    }

    async fn trim(&mut self) -> RedisResult<()> {
        let mark = *self.offsets.borrow_and_update();
        match mark {
            Some(mark) if mark.epoch == self.epoch.now() => {
                let least_kept = entry_id(mark).next().to_string();
                self.bus.shared.try_query(cmd("XTRIM").arg(&self.key).arg("MINID").arg(least_kept)).await
            }
            _ => Ok(()),
        }
    }
}
