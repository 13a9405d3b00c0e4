//! What one client may hold of a server: connections, and the time in which it reads nothing.

use crate::client_address::AddressGroup;
use common::sync::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// The connections of each address.
#[derive(Clone)]
pub struct AddressLimit {
    max: usize,
    counts: Arc<Mutex<BTreeMap<AddressGroup, usize>>>,
}

impl AddressLimit {
    /// At most `max` places for each address.
    pub fn new(max: usize) -> Self {
        Self { max, counts: Arc::default() }
    }

    /// Takes one of the places of an address, until the guard is dropped; `None` if there is none left.
    pub fn acquire(&self, client: AddressGroup) -> Option<AddressGuard> {
        let mut counts = self.counts.lock();
        let count = counts.entry(client).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(AddressGuard { client, limit: self.clone() })
    }
}

/// One connection of an address.
pub struct AddressGuard {
    client: AddressGroup,
    limit: AddressLimit,
}

impl Drop for AddressGuard {
    fn drop(&mut self) {
        let mut counts = self.limit.counts.lock();
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

/// A stream whose writes fail once the other side has read nothing for some time.
pub(crate) struct WriteTimeout<S> {
    stream: S,
    timeout: Duration,
    /// When a write fails that has been waiting since the last progress.
    timer: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl<S> WriteTimeout<S> {
    pub(crate) fn new(stream: S, timeout: Duration) -> Self {
        Self { stream, timeout, timer: Box::pin(sleep(timeout)), is_waiting: false }
    }

    fn bound<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.is_waiting = false;
            return progress;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.timer.as_mut().reset(Instant::now() + self.timeout);
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bound(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.bound(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[test]
    fn address_has_a_bounded_number_of_places() {
        let limit = AddressLimit::new(2);
        let acquire = |address: &str| limit.acquire(AddressGroup::of(address.parse().unwrap()));
        let (one, two) = (acquire("192.0.2.1"), acquire("::ffff:192.0.2.1"));
        assert!(one.is_some() && two.is_some() && acquire("192.0.2.1").is_none());
        let other = (acquire("192.0.2.2"), acquire("2001:db8::1"), acquire("2001:db8::ffff"));
        assert!(other.0.is_some() && other.1.is_some() && other.2.is_some());
        assert!(acquire("2001:db8::2").is_none() && acquire("2001:db8:0:1::1").is_some());
        drop(one);
        assert!(acquire("192.0.2.1").is_some());
        drop((two, other));
        assert!(limit.counts.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn write_fails_once_nothing_is_read_for_the_timeout() {
        let timeout = Duration::from_secs(10);
        let (near, mut far) = duplex(4);
        let mut near = WriteTimeout::new(near, timeout);
        let begun = Instant::now();
        let reader = tokio::spawn(async move {
            for _ in 0..5 {
                sleep(timeout - Duration::from_secs(1)).await;
                far.read_exact(&mut [0; 4]).await.unwrap();
            }
            sleep(Duration::from_secs(3_600)).await;
        });
        let error = near.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 5 * 9 + 10);
        reader.abort();
    }
}
