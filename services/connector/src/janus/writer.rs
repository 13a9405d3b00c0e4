//! Writes to Janus: requests only while the lease is valid, keepalives always. A connector that resumes
//! after a pause has lost its lease, so it writes nothing of what it decided before.

use super::websocket::JanusSocket;
use crate::lease::watch::LeaseWatch;
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use service::CancellationToken;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{self, Message};

pub(super) struct Writer {
    pub(super) sink: SplitSink<JanusSocket, Message>,
    pub(super) requests: mpsc::Receiver<String>,
    pub(super) keepalives: mpsc::Receiver<String>,
    pub(super) lease: LeaseWatch,
}

impl Writer {
    /// Writes until the channel of requests is closed, then closes the websocket. Cancels `broken` on an
    /// error.
    pub(super) async fn run(mut self, broken: CancellationToken) {
        match self.write_all().await {
            Ok(()) => drop(self.sink.close().await),
            Err(_) => broken.cancel(),
        }
    }

    async fn write_all(&mut self) -> Result<(), tungstenite::Error> {
        let mut request = None;
        loop {
            tokio::select! {
                biased;
                Some(keepalive) = self.keepalives.recv() => self.sink.send(Message::text(keepalive)).await?,
                next = self.requests.recv(), if request.is_none() => match next {
                    Some(next) => request = Some(next),
                    None => return Ok(()),
                },
                () = self.lease.until_valid(), if request.is_some() => self.write(request.take()).await?,
            }
        }
    }

    /// Writes a request and those queued behind it, as long as the lease is valid.
    async fn write(&mut self, mut request: Option<String>) -> Result<(), tungstenite::Error> {
        while let Some(text) = request {
            self.sink.feed(Message::text(text)).await?;
            request = self.lease.is_valid().then(|| self.requests.try_recv().ok()).flatten();
        }
        self.sink.flush().await
    }
}
