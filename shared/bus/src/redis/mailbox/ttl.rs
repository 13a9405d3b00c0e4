//! Renews the TTL of a mailbox while it has an owner.

use crate::limits::MAILBOX_TTL;
use crate::redis::blocking::RetryState;
use crate::redis::context::Context;
use ::redis::RedisResult;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::sleep;

const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// How often the stream was found missing.
#[derive(Clone, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    pub(super) fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn advance(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

pub(super) struct TtlRenewer {
    context: Context,
    key: String,
    epoch: Epoch,
}

impl TtlRenewer {
    pub(super) fn new(context: &Context, key: String, epoch: Epoch) -> Self {
        Self { context: context.clone(), key, epoch }
    }

    /// Renews the TTL of the stream, and creates the stream if it is missing. Returns whether it was missing.
    pub(super) async fn renew(&self) -> RedisResult<bool> {
        let mut call = self.context.scripts.renew.key(&self.key);
        self.context.try_query(call.arg(MAILBOX_TTL.as_millis() as u64)).await
    }

    pub(super) async fn run(self) {
        let mut retry = RetryState::new(format_args!("TTL renewer of {}", self.key));
        loop {
            match self.renew().await {
                Ok(was_missing) => {
                    retry.reset();
                    if was_missing {
                        tracing::warn!(mailbox = self.key, "the mailbox was lost and was created again");
                        self.epoch.advance();
                    }
                    sleep(RENEW_INTERVAL).await;
                }
                Err(error) => retry.back_off(&error).await,
            }
        }
    }
}
