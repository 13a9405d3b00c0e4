//! The lines that are not written yet, in order. Many threads add lines, one takes them.

use common::sync::Mutex;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::Duration;

/// The most bytes of lines that are not written yet. The next line is lost.
pub const MAX_QUEUED: usize = 1 << 20;
/// A buffer that has grown beyond this is freed once it is written.
const MAX_KEPT_BUFFER: usize = 64 * 1024;

/// The queue of one log.
pub struct LineQueue {
    state: Mutex<State>,
    /// Signalled when the writer waits and a line was added.
    added: Condvar,
    /// Signalled when all lines are written.
    written: Condvar,
    lost: AtomicU64,
}

struct State {
    lines: Vec<u8>,
    /// Bytes that the writer has taken and not written yet.
    in_flight: usize,
    /// Lines that were lost behind those in `lines`.
    dropped: u64,
    is_writer_waiting: bool,
}

/// What the writer takes at once.
pub struct Batch {
    /// One or more lines.
    pub lines: Vec<u8>,
    /// How many lines were lost behind these, because the queue was full.
    pub dropped: u64,
}

impl LineQueue {
    pub const fn new() -> Self {
        let state = State { lines: Vec::new(), in_flight: 0, dropped: 0, is_writer_waiting: false };
        Self {
            state: Mutex::new(state),
            added: Condvar::new(),
            written: Condvar::new(),
            lost: AtomicU64::new(0),
        }
    }

    /// Adds a line, which has its end. Never waits for the writer.
    pub fn push(&self, line: &[u8]) {
        let mut state = self.state.lock();
        if state.lines.len() + state.in_flight + line.len() > MAX_QUEUED {
            let lost = count(line);
            state.dropped += lost;
            drop(state);
            self.add_lost(lost);
            return;
        }
        state.lines.extend_from_slice(line);
        // A signal is a system call, so it is sent only to a writer that waits.
        if mem::take(&mut state.is_writer_waiting) {
            drop(state);
            self.added.notify_one();
        }
    }

    /// Waits for lines and takes all of them. [`done`](Self::done) must follow before the next call.
    pub fn take(&self) -> Batch {
        let mut state = self.state.lock();
        while state.lines.is_empty() {
            state.is_writer_waiting = true;
            state = wait(&self.added, state);
        }
        let batch = Batch { lines: mem::take(&mut state.lines), dropped: mem::take(&mut state.dropped) };
        state.in_flight = batch.lines.len();
        batch
    }

    /// The writer is done with the batch. Its buffer is used again.
    pub fn done(&self, mut buffer: Vec<u8>) {
        let mut state = self.state.lock();
        state.in_flight = 0;
        if !state.lines.is_empty() {
            return;
        }
        if buffer.capacity() <= MAX_KEPT_BUFFER {
            buffer.clear();
            state.lines = buffer;
        }
        drop(state);
        self.written.notify_all();
    }

    /// Waits until all lines are written, at most for this time.
    pub fn wait_written(&self, within: Duration) {
        let is_busy = |state: &mut State| state.in_flight > 0 || !state.lines.is_empty();
        let waited = self.written.wait_timeout_while(self.state.lock(), within, is_busy);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts lines that could not be written.
    pub fn add_lost(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
    }

    /// Returns how many lines were lost since the start.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Returns how many lines a text has.
pub fn count(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte == b'\n').count() as u64
}

fn wait<'a, T>(signal: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    signal.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn lines_are_taken_in_order_and_at_once() {
        let queue = LineQueue::new();
        queue.push(b"a\n");
        queue.push(b"b\n");
        let batch = queue.take();
        assert_eq!((batch.lines.as_slice(), batch.dropped), (&b"a\nb\n"[..], 0));
        queue.done(batch.lines);
        queue.push(b"c\n");
        assert_eq!(queue.take().lines, b"c\n");
    }

    #[test]
    fn bytes_are_bounded_also_while_some_are_written() {
        let (queue, line) = (LineQueue::new(), [&[b'x'; 1023][..], b"\n"].concat());
        for _ in 0..600 {
            queue.push(&line);
        }
        let batch = queue.take();
        for _ in 0..600 {
            queue.push(&line);
        }
        let fitting = (MAX_QUEUED / line.len()) as u64;
        assert_eq!(queue.lost(), 1_200 - fitting);
        queue.done(batch.lines);
        let next = queue.take();
        assert_eq!((count(&next.lines), next.dropped), (fitting - 600, 1_200 - fitting));
    }

    #[test]
    fn a_line_wakes_the_waiting_writer() {
        let queue = LineQueue::new();
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let batch = queue.take();
                queue.done(batch.lines);
            });
            queue.push(b"a\n");
            queue.wait_written(Duration::from_secs(30));
            writer.join().unwrap();
        });
    }

    #[test]
    fn waiting_for_a_writer_that_hangs_ends() {
        let queue = LineQueue::new();
        queue.push(b"a\n");
        let _batch = queue.take();
        let begun = Instant::now();
        queue.wait_written(Duration::from_millis(20));
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }
}
