//! Keeps a mailbox alive while it has an owner, and knows which mailboxes this process owns.

use super::Epoch;
use crate::MAILBOX_TTL;
use crate::redis::RedisBus;
use crate::redis::outage::RetryState;
use ::redis::RedisResult;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::sleep;

const RENEW_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct TtlRenewer {
    bus: RedisBus,
    key: String,
    epoch: Epoch,
}

impl TtlRenewer {
    pub(super) fn new(bus: &RedisBus, key: String, epoch: Epoch) -> Self {
        Self { bus: bus.clone(), key, epoch }
    }

    /// Makes the stream if it is missing, and renews its life. Returns whether it was missing.
    pub(super) async fn renew(&self) -> RedisResult<bool> {
        let mut call = self.bus.scripts.renew.key(&self.key);
        self.bus.shared.try_invoke(call.arg(MAILBOX_TTL.as_millis() as u64)).await
    }

    pub(super) async fn run(self) {
        let mut outage = RetryState::new(format_args!("keeper of {}", self.key));
        loop {
            match self.renew().await {
                Ok(missing) => {
                    outage.reset();
                    self.on_renewed(missing);
                    sleep(RENEW_INTERVAL).await;
                }
                Err(error) => outage.back_off(&error).await,
            }
        }
    }

    fn on_renewed(&self, missing: bool) {
        if missing {
            tracing::warn!(mailbox = self.key, "the mailbox was gone and has been opened again");
            self.epoch.begin();
        }
    }
}

/// The tasks of the mailboxes that this process owns, so that closing one stops what would open it
/// again.
#[derive(Clone, Default)]
pub(in crate::redis) struct OwnedMailboxes {
    tasks: Arc<Mutex<HashMap<String, [AbortHandle; 2]>>>,
}

impl OwnedMailboxes {
    pub(super) fn add(&self, key: String, tasks: [AbortHandle; 2]) {
        let mut owned = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        owned.retain(|_, tasks| !tasks.iter().all(AbortHandle::is_finished));
        owned.insert(key, tasks);
    }

    pub(in crate::redis) fn remove(&self, key: &str) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        tasks.iter().flatten().for_each(AbortHandle::abort);
    }
}
