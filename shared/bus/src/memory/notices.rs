//! Notices on the memory bus: a broadcast channel of the same JSON that Redis would carry.

use crate::limits::NOTICE_BUFFER;
use crate::message::Notice;
use common::fault::FaultInjector;
use tokio::sync::broadcast::{self, error::RecvError};

/// Sends notices to all subscribers.
pub(super) struct NoticeChannel(broadcast::Sender<String>);

impl Default for NoticeChannel {
    fn default() -> Self {
        Self(broadcast::Sender::new(NOTICE_BUFFER))
    }
}

impl NoticeChannel {
    pub(super) fn publish(&self, notice: &Notice) {
        let json = serde_json::to_string(notice).expect("a notice is plain JSON");
        // An error means that there is no subscriber.
        let _ = self.0.send(json);
    }

    pub(super) fn subscribe(&self, faults: FaultInjector) -> MemoryNotices {
        MemoryNotices { channel: self.0.subscribe(), faults }
    }
}

/// A subscription to notices.
pub struct MemoryNotices {
    channel: broadcast::Receiver<String>,
    faults: FaultInjector,
}

impl MemoryNotices {
    pub(crate) async fn next(&mut self) -> Notice {
        loop {
            self.faults.before_read().await;
            match self.channel.recv().await {
                Ok(json) => match serde_json::from_str(&json) {
                    Ok(notice) => return notice,
                    Err(error) => tracing::warn!(%error, "ignored a malformed notice"),
                },
                Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "too slow, missed notices"),
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
