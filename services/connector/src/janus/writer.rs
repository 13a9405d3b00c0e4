//! What is written to Janus: requests only while the lease on it is ours for sure, signs of life
//! always. A connector that was frozen, and whose lease is another's by now, writes nothing of what it
//! had decided before.

use super::Stream;
use crate::standing::LeaseWatch;
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use service::CancellationToken;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{self, Message};

/// What is to be written.
pub(super) struct Writer {
    pub(super) sink: SplitSink<Stream, Message>,
    pub(super) requests: mpsc::Receiver<String>,
    pub(super) keepalives: mpsc::Receiver<String>,
    pub(super) lease: LeaseWatch,
}

impl Writer {
    /// Writes until there are no more requests, then closes the websocket; says when it breaks.
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
                Some(sign) = self.keepalives.recv() => self.sink.send(Message::text(sign)).await?,
                next = self.requests.recv(), if request.is_none() => match next {
                    Some(next) => request = Some(next),
                    None => return Ok(()),
                },
                () = self.lease.until_valid(), if request.is_some() => self.write(request.take()).await?,
            }
        }
    }

    /// Writes a request, and those that wait behind it.
    async fn write(&mut self, mut request: Option<String>) -> Result<(), tungstenite::Error> {
        while let Some(text) = request {
            self.sink.feed(Message::text(text)).await?;
            request = self.lease.is_valid().then(|| self.requests.try_recv().ok()).flatten();
        }
        self.sink.flush().await
    }
}
