//! A client's websocket: a task that sends and receives.

use std::time::Duration;
use testkit::RawWebsocket;
use testkit::raw_websocket::Received;
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

/// Time limit for an edge to accept a websocket.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A websocket. Dropping it breaks it.
pub struct Socket {
    sender: mpsc::UnboundedSender<String>,
    receiver: mpsc::UnboundedReceiver<(Instant, Received)>,
    reads: watch::Sender<bool>,
    task: AbortHandle,
}

impl Socket {
    /// Opens a websocket over this stream.
    pub fn open(stream: DuplexStream) -> Self {
        let (sender, outgoing) = mpsc::unbounded_channel();
        let (received, receiver) = mpsc::unbounded_channel();
        let (reads, reading) = watch::channel(true);
        let task = tokio::spawn(run(stream, outgoing, received, reading)).abort_handle();
        Self { sender, receiver, reads, task }
    }

    /// Sends a message.
    pub fn send(&self, text: String) {
        let _ = self.sender.send(text);
    }

    /// Pauses or resumes reading. It reads at first.
    pub fn set_reading(&self, reads: bool) {
        self.reads.send_replace(reads);
    }

    /// Whether it reads.
    pub fn is_reading(&self) -> bool {
        *self.reads.borrow()
    }

    /// Returns the next received message with its time, if there is one.
    pub fn receive(&mut self) -> Option<(Instant, Received)> {
        self.receiver.try_recv().ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    stream: DuplexStream,
    mut outgoing: mpsc::UnboundedReceiver<String>,
    received: mpsc::UnboundedSender<(Instant, Received)>,
    mut reading: watch::Receiver<bool>,
) {
    let opened = timeout(HANDSHAKE_TIMEOUT, RawWebsocket::over(Box::new(stream))).await;
    if let Ok(Ok(mut websocket)) = opened {
        loop {
            let reads = *reading.borrow_and_update();
            tokio::select! {
                biased;
                _ = reading.changed() => {}
                // A broken socket is reported as a message.
                Some(text) = outgoing.recv() => { websocket.send(text).await; }
                next = websocket.next_until(Instant::now() + FOREVER), if reads => match next {
                    Received::Closed => break,
                    text => { let _ = received.send((Instant::now(), text)); }
                },
            }
        }
    }
    let _ = received.send((Instant::now(), Received::Closed));
}
