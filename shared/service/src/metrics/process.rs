//! The metrics that Prometheus' own client libraries export for a process: memory, processor time, open files.
//!
//! Read from `/proc` on each scrape; omitted on systems without it.

use ::metrics::{counter, describe_counter, describe_gauge, gauge};
use std::fs;

const MEMORY: &str = "process_resident_memory_bytes";
const PROCESSOR: &str = "process_cpu_seconds_total";
const FILES: &str = "process_open_fds";
/// `USER_HZ` of Linux: the unit of times in `/proc`, whatever the kernel's own clock rate.
const TICKS_PER_SECOND: u64 = 100;

pub(super) fn describe() {
    describe_gauge!(MEMORY, "Resident memory of this process, in bytes.");
    describe_counter!(PROCESSOR, "Processor time of this process, in whole seconds.");
    describe_gauge!(FILES, "Open file descriptors of this process.");
}

pub(super) fn sample() {
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes) {
        gauge!(MEMORY).set(bytes as f64);
    }
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(processor_ticks) {
        counter!(PROCESSOR).absolute(ticks / TICKS_PER_SECOND);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        gauge!(FILES).set(files.count() as f64);
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Returns user and system time: fields 14 and 15, counted after the program name, which may hold spaces.
fn processor_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_parsed() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    1024 kB\nThreads:\t1\n"), Some(1 << 20));
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 12345 0 0";
        assert_eq!(processor_ticks(stat), Some(300));
        assert_eq!((resident_bytes(""), processor_ticks("")), (None, None));
    }
}
