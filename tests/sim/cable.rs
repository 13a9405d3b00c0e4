//! The sockets of a service: streams of bytes that can be held up and cut.

use std::sync::{Arc, Mutex};
use testkit::Gate;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::task::AbortHandle;

/// Bytes under way, in each half.
const BUFFER: usize = 4 * 1024;

/// All cables of one service.
#[derive(Default)]
pub struct Cables {
    gate: Arc<Gate>,
    laid: Mutex<Vec<AbortHandle>>,
}

impl Cables {
    /// A cable; its two ends.
    pub fn lay(&self) -> (DuplexStream, DuplexStream) {
        let (far, end) = duplex(BUFFER);
        (self.lay_to(end), far)
    }

    /// A cable to somebody who is there already; its other end.
    pub fn lay_to(&self, far: DuplexStream) -> DuplexStream {
        let (near, end) = duplex(BUFFER);
        let carrying = tokio::spawn(carry(end, far, self.gate.clone()));
        self.laid.lock().unwrap().push(carrying.abort_handle());
        near
    }

    /// Whether bytes wait where they are.
    pub fn hold(&self, hold: bool) {
        self.gate.set_closed(hold);
    }

    /// Both ends of all cables find them broken.
    pub fn cut(&self) {
        self.laid.lock().unwrap().drain(..).for_each(|cable| cable.abort());
    }
}

async fn carry(one: DuplexStream, other: DuplexStream, gate: Arc<Gate>) {
    let ((from_one, to_one), (from_other, to_other)) = (split(one), split(other));
    tokio::select! {
        biased;
        () = pump(from_one, to_other, &gate) => {}
        () = pump(from_other, to_one, &gate) => {}
    }
}

/// That the other end is gone is known at once, as it is to the system under a process that is held up.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, gate: &Gate) {
    let mut bytes = vec![0; BUFFER];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        gate.wait_open().await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
