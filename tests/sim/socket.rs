//! A client's websocket: a task that says what it is given and passes on what it hears.

use std::time::Duration;
use testkit::RawWebsocket;
use testkit::raw_websocket::Received;
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

/// How long an edge may take to open a websocket.
const PATIENCE: Duration = Duration::from_secs(10);
const EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A websocket; dropping it breaks it.
pub struct Socket {
    says: mpsc::UnboundedSender<String>,
    receiver: mpsc::UnboundedReceiver<(Instant, Received)>,
    reads: watch::Sender<bool>,
    task: AbortHandle,
}

impl Socket {
    /// Opens one over this stream.
    pub fn open(stream: DuplexStream) -> Self {
        let (says, said) = mpsc::unbounded_channel();
        let (heard, receiver) = mpsc::unbounded_channel();
        let (reads, reading) = watch::channel(true);
        let task = tokio::spawn(talk(stream, said, heard, reading)).abort_handle();
        Self { says, receiver, reads, task }
    }

    /// Says something.
    pub fn say(&self, text: String) {
        let _ = self.says.send(text);
    }

    /// Whether it reads; it does at first.
    pub fn read(&self, reads: bool) {
        self.reads.send_replace(reads);
    }

    /// Whether it reads.
    pub fn is_reading(&self) -> bool {
        *self.reads.borrow()
    }

    /// What it has heard and nobody has asked for, and when.
    pub fn receive(&mut self) -> Option<(Instant, Received)> {
        self.receiver.try_recv().ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(
    stream: DuplexStream,
    mut said: mpsc::UnboundedReceiver<String>,
    heard: mpsc::UnboundedSender<(Instant, Received)>,
    mut reading: watch::Receiver<bool>,
) {
    let opened = timeout(PATIENCE, RawWebsocket::over(Box::new(stream))).await;
    if let Ok(Ok(mut wire)) = opened {
        loop {
            let reads = *reading.borrow_and_update();
            tokio::select! {
                biased;
                _ = reading.changed() => {}
                // Whether it is broken is heard.
                Some(text) = said.recv() => { wire.send(text).await; }
                next = wire.next_until(Instant::now() + EVER), if reads => match next {
                    Received::Closed => break,
                    text => { let _ = heard.send((Instant::now(), text)); }
                },
            }
        }
    }
    let _ = heard.send((Instant::now(), Received::Closed));
}
