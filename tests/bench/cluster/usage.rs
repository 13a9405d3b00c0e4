//! What processes and Redis use of the machine, read before and after.

use std::collections::BTreeMap;
use std::fs;

/// How many ticks of `/proc` make a second on Linux, whatever the machine.
const TICKS: f64 = 100.0;

/// Seconds of a processor that a process has used since it began.
pub fn processor(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may hold anything: fields 14 and 15 are the ticks in user and kernel mode.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// Bytes of memory that a process has now.
pub fn memory(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

/// What a Redis has done since it began.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedisUse {
    /// Commands, those that scripts ran included.
    pub commands: f64,
    /// Entries that were added to streams.
    pub entries: f64,
    /// Bytes that it was sent, and that it sent.
    pub heard: f64,
    pub said: f64,
}

impl RedisUse {
    /// Asks the Redis at this URL.
    pub async fn of(url: &str) -> Self {
        let mut redis = connection(url).await;
        let info: String =
            redis::cmd("INFO").arg(&["stats", "commandstats"]).query_async(&mut redis).await.unwrap();
        let lines: BTreeMap<&str, &str> = info.lines().filter_map(|line| line.split_once(':')).collect();
        let number = |key| lines.get(key).map_or(0.0, |value: &&str| value.parse().unwrap());
        let (heard, said) = (number("total_net_input_bytes"), number("total_net_output_bytes"));
        Self {
            commands: number("total_commands_processed"),
            entries: calls(lines.get("cmdstat_xadd")),
            heard,
            said,
        }
    }
}

/// Of `calls=12,usec=34,...`, the calls.
fn calls(stat: Option<&&str>) -> f64 {
    let calls = stat.and_then(|stat| stat.strip_prefix("calls=")).and_then(|stat| stat.split(',').next());
    calls.map_or(0.0, |calls| calls.parse().unwrap())
}

/// A connection to a Redis.
pub async fn connection(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}
