//! Notices over Redis: a task stays subscribed, on a connection of its own. What is published while the connection is
//! down is missed.

use super::blocking::RetryState;
use super::context::RESPONSE_TIMEOUT;
use crate::limits::NOTICE_BUFFER;
use crate::message::Notice;
use crate::topic::NOTICES;
use ::redis::RedisResult;
use futures_util::StreamExt;
use redis_connection::Server;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A subscription to notices.
pub struct RedisNotices {
    // A broadcast channel with one receiver, because it is bounded and drops its oldest.
    receiver: broadcast::Receiver<Notice>,
    task: JoinHandle<()>,
}

impl RedisNotices {
    /// Waits until Redis has confirmed the subscription, at most [`RESPONSE_TIMEOUT`].
    pub(super) async fn subscribe(server: Server) -> Self {
        let (sender, receiver) = broadcast::channel(NOTICE_BUFFER);
        let (ready, confirmed) = oneshot::channel();
        let task = tokio::spawn(Subscriber { server, sender, ready: Some(ready) }.run());
        let _ = timeout(RESPONSE_TIMEOUT, confirmed).await;
        Self { receiver, task }
    }

    pub(crate) async fn next(&mut self) -> Notice {
        loop {
            match self.receiver.recv().await {
                Ok(notice) => return notice,
                Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "too slow, missed notices"),
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

struct Subscriber {
    server: Server,
    sender: broadcast::Sender<Notice>,
    ready: Option<oneshot::Sender<()>>,
}

impl Subscriber {
    async fn run(mut self) {
        let mut retry = RetryState::new("notices");
        loop {
            let error = match self.receive(&mut retry).await {
                Ok(()) => std::io::Error::from(std::io::ErrorKind::ConnectionReset).into(),
                Err(error) => error,
            };
            retry.back_off(&error).await;
        }
    }

    /// Receives until the connection breaks.
    async fn receive(&mut self, retry: &mut RetryState) -> RedisResult<()> {
        let mut pubsub = self.server.connect_pubsub(RESPONSE_TIMEOUT).await?;
        pubsub.subscribe(NOTICES).await?;
        retry.reset();
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
            Err(error) => tracing::warn!(%error, "ignored a malformed notice"),
        }
    }
}
