//! The thread that writes the lines of the log. It alone waits for standard error.

use super::line;
use super::queue::{Batch, LineQueue, count};
use crate::options::LogFormat;
use rustix::stdio::stderr;
use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

/// The pause while a non-blocking standard error is full.
const FULL_RETRY_DELAY: Duration = Duration::from_millis(20);

/// Writes lines as long as the process runs.
pub fn run(queue: &LineQueue, out: impl Write, format: LogFormat) -> ! {
    let mut writer = Writer { out, format, unreported: 0, is_torn: false };
    loop {
        let batch = queue.take();
        queue.add_lost(writer.write(&batch));
        queue.done(batch.lines);
    }
}

struct Writer<W> {
    out: W,
    format: LogFormat,
    /// Lost lines that the log does not report yet.
    unreported: u64,
    /// Whether the output ends within a line, because the rest of the line could not be written.
    is_torn: bool,
}

impl<W: Write> Writer<W> {
    /// Writes a batch, and which lines were lost before and behind it. Returns how many lines could not be written.
    fn write(&mut self, batch: &Batch) -> u64 {
        if self.is_torn && self.write_bytes(b"\n") == 1 {
            self.is_torn = false;
        }
        self.report_lost();
        let written = self.write_bytes(&batch.lines);
        let (complete, rest) = batch.lines.split_at(written);
        self.is_torn |= complete.last().is_some_and(|last| *last != b'\n');
        let failed = count(rest);
        self.unreported += failed + batch.dropped;
        if failed == 0 {
            self.report_lost();
        }
        failed
    }

    fn report_lost(&mut self) {
        if self.unreported > 0 && !self.is_torn {
            let line = line::lost(self.unreported, self.format);
            match self.write_bytes(line.as_bytes()) {
                0 => {}
                written if written == line.len() => self.unreported = 0,
                _ => self.is_torn = true,
            }
        }
    }

    /// Writes as much as possible, and returns how many bytes that is.
    fn write_bytes(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            match self.out.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        written
    }
}

/// Standard error without the lock of [`std::io::stderr`], which a write that hangs would keep. Another process may
/// have made it non-blocking; then a write waits here.
pub struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(stderr(), bytes) {
                Err(rustix::io::Errno::AGAIN) => thread::sleep(FULL_RETRY_DELAY),
                outcome => return Ok(outcome?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output with room for some bytes. Then it fails.
    #[derive(Default)]
    struct Disk {
        written: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.written.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn writer(room: usize) -> Writer<Disk> {
        Writer {
            out: Disk { written: Vec::new(), room },
            format: LogFormat::Text,
            unreported: 0,
            is_torn: false,
        }
    }

    fn batch(lines: &str, dropped: u64) -> Batch {
        Batch { lines: lines.as_bytes().to_vec(), dropped }
    }

    /// The text on the disk, without the time in front of reports.
    fn text(writer: &Writer<Disk>) -> String {
        let text = String::from_utf8(writer.out.written.clone()).unwrap();
        let line = |line: &str| line.rsplit_once("logging: ").map_or(line, |(_, report)| report).to_owned();
        text.lines().map(line).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn lost_lines_are_reported_once_there_is_room() {
        let mut writer = writer(0);
        assert_eq!(writer.write(&batch("a\nb\n", 0)), 2);
        assert_eq!(writer.write(&batch("c\n", 4)), 1);
        writer.out.room = 1_000;
        assert_eq!(writer.write(&batch("d\n", 0)), 0);
        assert_eq!(writer.write(&batch("e\n", 0)), 0);
        assert_eq!(text(&writer), "7 log lines were lost|d|e");
    }

    #[test]
    fn lines_dropped_by_the_queue_are_reported_behind_the_batch() {
        let mut writer = writer(1_000);
        writer.write(&batch("a\n", 1));
        writer.write(&batch("b\n", 0));
        assert_eq!(text(&writer), "a|1 log line was lost|b");
    }

    #[test]
    fn a_torn_line_is_ended_before_the_next() {
        let mut writer = writer(5);
        assert_eq!(writer.write(&batch("abc\ndef\n", 0)), 1);
        assert_eq!(writer.write(&batch("ghi\n", 0)), 1);
        writer.out.room = 1_000;
        assert_eq!(writer.write(&batch("j\n", 0)), 0);
        assert_eq!(text(&writer), "abc|d|2 log lines were lost|j");
    }

    #[test]
    fn a_torn_report_is_repeated() {
        let mut writer = writer(0);
        writer.write(&batch("a\n", 0));
        writer.out.room = 10;
        writer.write(&batch("b\n", 0));
        writer.out.room = 1_000;
        writer.write(&batch("c\n", 0));
        assert!(text(&writer).ends_with("|2 log lines were lost|c"), "{}", text(&writer));
    }
}
