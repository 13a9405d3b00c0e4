//! What Prometheus knows of every process, under the names its own libraries give them: memory, processor,
//! files. Read from `/proc` at each scrape; a system that has none does without.

use ::metrics::{counter, describe_counter, describe_gauge, gauge};
use std::fs;

const MEMORY: &str = "process_resident_memory_bytes";
const PROCESSOR: &str = "process_cpu_seconds_total";
const FILES: &str = "process_open_fds";
/// Linux counts time for user space in hundredths of a second, whatever its own clock does.
const TICKS_PER_SECOND: u64 = 100;

/// Says what there is.
pub(super) fn describe() {
    describe_gauge!(MEMORY, "Memory of this process that is in use, in bytes.");
    describe_counter!(PROCESSOR, "Processor time that this process has used, in whole seconds.");
    describe_gauge!(FILES, "Files and sockets that this process has open.");
}

/// Looks now.
pub(super) fn sample() {
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(memory) {
        gauge!(MEMORY).set(bytes as f64);
    }
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(processor) {
        counter!(PROCESSOR).absolute(ticks / TICKS_PER_SECOND);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        gauge!(FILES).set(files.count() as f64);
    }
}

fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// In ticks: fields 14 and 15, counted behind the name of the program, in which anything may be.
fn processor(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_is_read() {
        assert_eq!(memory("Name:\tx\nVmRSS:\t    1024 kB\nThreads:\t1\n"), Some(1 << 20));
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 12345 0 0";
        assert_eq!(processor(stat), Some(300));
        assert_eq!((memory(""), processor("")), (None, None));
    }
}
