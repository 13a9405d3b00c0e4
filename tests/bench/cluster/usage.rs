//! Resources used by processes and Redis, read before and after a measurement.

use std::collections::BTreeMap;
use std::fs;

/// Ticks per second in `/proc` on Linux, on any machine.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used since its start.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name, which may hold any character, fields 14 and 15 are the ticks in user and kernel mode.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// Resident memory of a process in bytes.
pub fn memory(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

/// Counters of a Redis server since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedisUse {
    /// Commands, including those run by scripts.
    pub commands: f64,
    /// Entries added to streams.
    pub entries: f64,
    /// Bytes received and sent.
    pub received: f64,
    pub sent: f64,
}

impl RedisUse {
    /// Reads the counters of the Redis server at this URL.
    pub async fn of(url: &str) -> Self {
        let mut redis = connection(url).await;
        let info: String =
            redis::cmd("INFO").arg(&["stats", "commandstats"]).query_async(&mut redis).await.unwrap();
        let lines: BTreeMap<&str, &str> = info.lines().filter_map(|line| line.split_once(':')).collect();
        let number = |key| lines.get(key).map_or(0.0, |value: &&str| value.parse().unwrap());
        let (received, sent) = (number("total_net_input_bytes"), number("total_net_output_bytes"));
        Self {
            commands: number("total_commands_processed"),
            entries: calls(lines.get("cmdstat_xadd")),
            received,
            sent,
        }
    }
}

/// Extracts the calls from `calls=12,usec=34,...`.
fn calls(stat: Option<&&str>) -> f64 {
    let calls = stat.and_then(|stat| stat.strip_prefix("calls=")).and_then(|stat| stat.split(',').next());
    calls.map_or(0.0, |calls| calls.parse().unwrap())
}

/// Connects to a Redis server.
pub async fn connection(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}
