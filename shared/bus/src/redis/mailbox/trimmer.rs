//! Deletes acknowledged messages of a mailbox, in the background.

use super::ttl::Epoch;
use crate::ack_tracker::MailboxOffset;
use crate::redis::blocking::RetryState;
use crate::redis::context::Context;
use crate::redis::parse::EntryId;
use ::redis::{RedisResult, cmd};
use tokio::sync::watch;

pub(super) struct Trimmer {
    context: Context,
    key: String,
    epoch: Epoch,
    offsets: watch::Receiver<Option<MailboxOffset>>,
}

impl Trimmer {
    pub(super) fn new(
        context: &Context,
        key: String,
        epoch: Epoch,
        offsets: watch::Receiver<Option<MailboxOffset>>,
    ) -> Self {
        Self { context: context.clone(), key, epoch, offsets }
    }

    /// Trims until the owner is dropped and its last offset is applied.
    pub(super) async fn run(mut self) {
        let mut retry = RetryState::new(format_args!("trimmer of {}", self.key));
        while self.offsets.changed().await.is_ok() {
            while let Err(error) = self.trim().await {
                let is_owner_gone = self.offsets.has_changed().is_err();
                if is_owner_gone {
                    return;
                }
                retry.back_off(&error).await;
            }
            retry.reset();
        }
    }

    async fn trim(&mut self) -> RedisResult<()> {
        let offset = *self.offsets.borrow_and_update();
        match offset {
            Some(offset) if offset.epoch == self.epoch.current() => {
                let min_id = EntryId::at(offset).next().to_string();
                self.context.try_query(cmd("XTRIM").arg(&self.key).arg("MINID").arg(min_id)).await
            }
            _ => Ok(()),
        }
    }
}
