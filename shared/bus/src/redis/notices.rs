//! Notices over Redis: a task that stays subscribed, on a connection of its own, and passes on what
//! it hears. While the connection is down, what is published is missed.

use super::connection::{RESPONSE_TIMEOUT, Server};
use super::outage::RetryState;
use crate::NOTICE_BUFFER;
use crate::message::Notice;
use crate::topic::NOTICES;
use ::redis::RedisResult;
use futures_util::StreamExt;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A subscription to notices.
pub struct RedisNotices {
    // A broadcast of one receiver: a bounded channel that drops its oldest.
    receiver: broadcast::Receiver<Notice>,
    task: JoinHandle<()>,
}

impl RedisNotices {
    /// Waits, within reason, until Redis has confirmed.
    pub(super) async fn listen(server: Server) -> Self {
        let (sender, heard) = broadcast::channel(NOTICE_BUFFER);
        let (ready, confirmed) = oneshot::channel();
        let listening = tokio::spawn(Listener { server, sender, ready: Some(ready) }.run());
        let _ = timeout(RESPONSE_TIMEOUT, confirmed).await;
        Self { receiver: heard, task: listening }
    }

    pub(crate) async fn next(&mut self) -> Notice {
        loop {
            match self.receiver.recv().await {
                Ok(notice) => return notice,
                Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "notices missed"),
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Drop for RedisNotices {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Listener {
    server: Server,
    sender: broadcast::Sender<Notice>,
    ready: Option<oneshot::Sender<()>>,
}

impl Listener {
    async fn run(mut self) {
        let mut outage = RetryState::new("notices");
        loop {
            let error = match self.receive(&mut outage).await {
                Ok(()) => std::io::Error::from(std::io::ErrorKind::ConnectionReset).into(),
                Err(error) => error,
            };
            outage.back_off(&error).await;
        }
    }

    /// Until the connection breaks.
    async fn receive(&mut self, outage: &mut RetryState) -> RedisResult<()> {
        let mut pubsub = self.server.pubsub().await?;
        pubsub.subscribe(NOTICES).await?;
        outage.reset();
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(());
        }
        let mut messages = pubsub.on_message();
        while let Some(message) = messages.next().await {
            self.forward(message.get_payload_bytes());
        }
        Ok(())
    }

    fn forward(&self, json: &[u8]) {
        match serde_json::from_slice(json) {
            Ok(notice) => drop(self.sender.send(notice)),
            Err(error) => tracing::warn!(%error, "unreadable notice"),
        }
    }
}
