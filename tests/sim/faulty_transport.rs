//! The sockets of a service: byte streams that can be stalled and cut.

use std::sync::{Arc, Mutex};
use testkit::Gate;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::task::AbortHandle;

/// Buffered bytes in each half.
const BUFFER: usize = 4 * 1024;

/// All connections of one service.
#[derive(Default)]
pub struct Connections {
    gate: Arc<Gate>,
    transfers: Mutex<Vec<AbortHandle>>,
}

impl Connections {
    /// Opens a connection and returns its two ends.
    pub fn open(&self) -> (DuplexStream, DuplexStream) {
        let (remote, end) = duplex(BUFFER);
        (self.open_to(end), remote)
    }

    /// Opens a connection to an existing stream and returns the other end.
    pub fn open_to(&self, remote: DuplexStream) -> DuplexStream {
        let (local, end) = duplex(BUFFER);
        let transfer = tokio::spawn(transfer_both(end, remote, self.gate.clone()));
        self.transfers.lock().unwrap().push(transfer.abort_handle());
        local
    }

    /// Stalls or resumes the transfer of bytes.
    pub fn stall(&self, stall: bool) {
        self.gate.set_closed(stall);
    }

    /// Breaks all connections on both ends.
    pub fn cut(&self) {
        self.transfers.lock().unwrap().drain(..).for_each(|transfer| transfer.abort());
    }
}

async fn transfer_both(one: DuplexStream, other: DuplexStream, gate: Arc<Gate>) {
    let ((from_one, to_one), (from_other, to_other)) = (split(one), split(other));
    tokio::select! {
        biased;
        () = pump(from_one, to_other, &gate) => {}
        () = pump(from_other, to_one, &gate) => {}
    }
}

/// A closed end is noticed at once, as an operating system notices it for a stalled process.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, gate: &Gate) {
    let mut bytes = vec![0; BUFFER];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        gate.wait_open().await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
