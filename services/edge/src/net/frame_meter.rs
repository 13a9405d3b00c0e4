//! Follows the frames that a client sends, before the websocket reads them.
//!
//! The websocket hides a message until all of it has come, and any number of its frames. The meter knows when the message
//! began and how large it says to be, counts the frames, and refuses what is too large before memory is set aside for it.

use crate::client_memory::MemoryShare;
use tokio::time::Instant;

/// The longest header of a frame: flags and length, an extended length, a mask.
const MAX_HEADER: usize = 14;
/// The largest payload of a control frame (RFC 6455, 5.5).
const MAX_CONTROL: u64 = 125;

/// Why no further frame is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    #[error("the message is too large")]
    TooLarge,
    #[error("the clients of this edge hold too much memory")]
    NoMemory,
    #[error("a frame is invalid")]
    Invalid,
}

/// The frames of one client.
pub struct FrameMeter {
    /// The largest message that is read, in bytes.
    max_message: u64,
    /// The bytes of the incomplete message.
    memory: MemoryShare,
    header: [u8; MAX_HEADER],
    /// How much of the header has come.
    header_length: usize,
    frame: Option<OpenFrame>,
    /// The bytes of the message that is incomplete, as far as its frames have begun.
    message: Option<u64>,
    /// When the first byte of the message or frame came that is incomplete.
    incomplete_since: Option<Instant>,
    uncounted: usize,
    unread: usize,
    largest: u64,
}

/// A frame whose payload is not complete.
struct OpenFrame {
    remaining: u64,
    is_control: bool,
    is_final: bool,
}

impl FrameMeter {
    pub fn new(max_message: usize, memory: MemoryShare) -> Self {
        Self {
            max_message: max_message as u64,
            memory,
            header: [0; MAX_HEADER],
            header_length: 0,
            frame: None,
            message: None,
            incomplete_since: None,
            uncounted: 0,
            unread: 0,
            largest: 0,
        }
    }

    pub fn set_max_message(&mut self, bytes: usize) {
        self.max_message = bytes as u64;
    }

    /// Follows further bytes. Returns how many of them may be read, and why not more.
    pub fn follow(&mut self, bytes: &[u8], now: Instant) -> (usize, Option<FrameFault>) {
        let mut followed = 0;
        while followed < bytes.len() {
            let rest = &bytes[followed..];
            let since = *self.incomplete_since.get_or_insert(now);
            match &mut self.frame {
                Some(frame) => {
                    let length = frame.remaining.min(rest.len() as u64);
                    frame.remaining -= length;
                    followed += length as usize;
                }
                None => match self.follow_header(rest) {
                    Ok(length) => followed += length,
                    Err(fault) => return (followed, Some(fault)),
                },
            }
            if self.frame.as_ref().is_some_and(|frame| frame.remaining == 0) {
                self.end_frame(since);
            }
        }
        (followed, None)
    }

    /// Returns how many of the bytes belong to the header.
    fn follow_header(&mut self, bytes: &[u8]) -> Result<usize, FrameFault> {
        let before = self.header_length;
        for (position, byte) in bytes.iter().enumerate() {
            self.header[before + position] = *byte;
            self.header_length += 1;
            if self.header_length == header_length(&self.header[..self.header_length]) {
                self.header_length = 0;
                self.begin_frame()?;
                return Ok(position + 1);
            }
        }
        Ok(bytes.len())
    }

    fn begin_frame(&mut self) -> Result<(), FrameFault> {
        let [flags, second, extended @ ..] = &self.header;
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([extended[0], extended[1]])),
            127 => extended[..8].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            short => u64::from(short),
        };
        let (is_control, is_masked) = (flags & 0x08 != 0, second & 0x80 != 0);
        if !is_masked || is_control && length > MAX_CONTROL {
            return Err(FrameFault::Invalid);
        }
        if !is_control {
            let message = self.message.unwrap_or(0).saturating_add(length);
            if message > self.max_message {
                return Err(FrameFault::TooLarge);
            }
            // The websocket joins the fragments of a message, and keeps room for the largest.
            let fragment = if message == length { 0 } else { self.largest.max(length) };
            let held = (message + fragment) as usize;
            if !self.memory.may_hold(held) {
                return Err(FrameFault::NoMemory);
            }
            self.memory.set(held);
            self.message = Some(message);
        }
        self.largest = self.largest.max(length);
        self.frame = Some(OpenFrame { remaining: length, is_control, is_final: flags & 0x80 != 0 });
        Ok(())
    }

    fn end_frame(&mut self, since: Instant) {
        let Some(frame) = self.frame.take() else { return };
        let ends_message = !frame.is_control && frame.is_final;
        if ends_message {
            self.message = None;
            self.memory.set(0);
        } else {
            self.uncounted += 1;
        }
        if frame.is_control || frame.is_final {
            self.unread += 1;
        }
        // A control frame within a message does not end the wait for the message.
        self.incomplete_since = self.message.is_some().then_some(since);
    }

    /// When the first byte of an incomplete message or frame came.
    pub fn incomplete_since(&self) -> Option<Instant> {
        self.incomplete_since
    }

    /// How many frames do not count against the rate yet, besides those that end a message: its requests count.
    pub fn uncounted(&self) -> usize {
        self.uncounted
    }

    /// The frames that do not count against the rate yet; from now on they do.
    pub fn take_uncounted(&mut self) -> usize {
        std::mem::take(&mut self.uncounted)
    }

    /// The websocket has returned a message or a control frame.
    pub fn returned(&mut self) {
        self.unread = self.unread.saturating_sub(1);
    }

    /// Whether the websocket has returned all bytes that have come.
    pub fn is_drained(&self) -> bool {
        self.unread == 0 && self.incomplete_since.is_none()
    }

    /// The payload of the largest frame since the last call of [`forget_largest`](Self::forget_largest), in bytes.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    pub fn forget_largest(&mut self) {
        self.largest = 0;
    }
}

/// The length of the header that begins with these bytes, as far as they tell; at least one more than they are.
fn header_length(begin: &[u8]) -> usize {
    match begin {
        [_, second, ..] => {
            let extended = match second & 0x7f {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            2 + extended + if second & 0x80 == 0 { 0 } else { 4 }
        }
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_memory::ClientMemory;
    use std::time::Duration;

    const TEXT: u8 = 0x81;
    const BEGIN: u8 = 0x01;
    const CONTINUE: u8 = 0x00;
    const END: u8 = 0x80;
    const PING: u8 = 0x89;
    const MAX: usize = 1_000;

    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..126 => frame.push(0x80 | length as u8),
            126..65_536 => frame.extend([&[0x80 | 126][..], &(length as u16).to_be_bytes()].concat()),
            _ => frame.extend([&[0x80 | 127][..], &(length as u64).to_be_bytes()].concat()),
        }
        frame.extend(vec![7; 4 + length]);
        frame
    }

    /// A meter that has followed these frames, in pieces of this size.
    fn followed(frames: &[Vec<u8>], piece: usize) -> (FrameMeter, usize, Option<FrameFault>) {
        let mut meter = FrameMeter::new(MAX, ClientMemory::new(16 << 20).share());
        let (mut length, now) = (0, Instant::now());
        for bytes in frames.concat().chunks(piece) {
            let (read, fault) = meter.follow(bytes, now);
            length += read;
            if fault.is_some() {
                return (meter, length, fault);
            }
        }
        (meter, length, None)
    }

    #[test]
    fn frames_are_counted_however_their_bytes_come() {
        let frames = [
            frame(TEXT, 0),
            frame(PING, 125),
            frame(BEGIN, 300),
            frame(PING, 0),
            frame(END, 200),
            frame(TEXT, 1_000),
        ];
        for piece in [1, 2, 3, 7, 100, 10_000] {
            let (mut meter, length, fault) = followed(&frames, piece);
            assert_eq!((length, fault), (frames.concat().len(), None), "pieces of {piece}");
            assert_eq!((meter.incomplete_since(), meter.largest(), meter.is_drained()), (None, 1_000, false));
            (0..5).for_each(|_| meter.returned());
            // Two pings, and the first part of a message in two frames.
            assert_eq!((meter.is_drained(), meter.take_uncounted(), meter.uncounted()), (true, 3, 0));
        }
    }

    #[test]
    fn frame_that_is_too_large_is_not_read() {
        let before = frame(PING, 3);
        let messages: [Vec<Vec<u8>>; 3] = [
            vec![frame(TEXT, MAX + 1)],
            vec![frame(BEGIN, MAX), frame(PING, 1), frame(END, 1)],
            vec![[&[TEXT, 0xff][..], &[0xff; 12]].concat()],
        ];
        for parts in messages {
            let accepted: usize = parts[..parts.len() - 1].iter().map(Vec::len).sum();
            let all = [&[before.clone()][..], &parts].concat();
            let (_, length, fault) = followed(&all, 10_000);
            assert_eq!((length, fault), (before.len() + accepted, Some(FrameFault::TooLarge)));
            assert_eq!(followed(&all, 1).2, Some(FrameFault::TooLarge));
        }
    }

    #[test]
    fn message_counts_from_its_header_to_its_end() {
        let memory = ClientMemory::new(2 << 20);
        let mut meter = FrameMeter::new(1 << 20, memory.share());
        meter.follow(&frame(BEGIN, 20_000)[..10], Instant::now());
        assert_eq!(memory.held(), 20_000);
        meter.follow(&frame(BEGIN, 20_000)[10..], Instant::now());
        assert_eq!(meter.follow(&frame(END, 40_000), Instant::now()).1, Some(FrameFault::NoMemory));
        meter.follow(&frame(END, 1), Instant::now());
        assert_eq!(memory.held(), 0);
    }

    #[test]
    fn invalid_frame_is_not_read() {
        assert_eq!(followed(&[frame(PING, 126)], 100).2, Some(FrameFault::Invalid));
        assert_eq!(followed(&[vec![TEXT, 2, b'{', b'}']], 100).2, Some(FrameFault::Invalid));
    }

    #[test]
    fn control_frames_do_not_end_the_wait_for_a_message() {
        let (begin, mut meter) = (Instant::now(), FrameMeter::new(MAX, ClientMemory::new(16 << 20).share()));
        meter.follow(&frame(TEXT, 1), begin);
        assert_eq!(meter.incomplete_since(), None);
        meter.follow(&[BEGIN], begin);
        for second in 1..5 {
            let now = begin + Duration::from_secs(second);
            let bytes = if second == 1 { frame(BEGIN, 5).split_off(1) } else { frame(PING, 5) };
            meter.follow(&bytes, now);
            meter.follow(&frame(CONTINUE, 0), now);
            assert_eq!(meter.incomplete_since(), Some(begin));
        }
        meter.follow(&frame(END, 0), begin);
        assert_eq!(meter.incomplete_since(), None);
        meter.follow(&frame(PING, 5)[..4], begin);
        assert_eq!(meter.incomplete_since(), Some(begin));
    }
}
