//! A real Redis master with a replica, and three real Sentinels that watch them.

use crate::child::{Child, StartError, start_on_free_ports};
use crate::port;
use crate::redis::{Redis, RedisConfig};
use crate::wait::eventually;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The name of the master at the Sentinels.
pub const MASTER: &str = "mymaster";
const SENTINELS: usize = 3;
/// How long a master does not reply until a Sentinel takes it for down.
const DOWN_AFTER_MILLIS: u32 = 1_000;
/// The reply to `PING`.
const PONG: &[u8] = b"+PONG\r\n";
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);

/// A master, its replica and their Sentinels; killed when dropped.
pub struct ReplicatedRedis {
    /// The first is the master at the start.
    pub servers: [Redis; 2],
    /// The Sentinels.
    pub sentinels: Vec<Child>,
    ports: Vec<u16>,
    _folder: TempDir,
}

impl ReplicatedRedis {
    /// Starts all, and waits until each Sentinel knows the others and the replica.
    pub async fn start() -> Self {
        let arguments = |more: &[&str]| {
            let all = ["--repl-diskless-sync-delay", "0"].iter().chain(more).map(|&it| it.to_owned());
            RedisConfig { arguments: all.collect(), ..RedisConfig::default() }
        };
        let master = Redis::with(arguments(&[])).await;
        let master_port = master.port().to_string();
        let replica = Redis::with(arguments(&["--replicaof", "127.0.0.1", &master_port])).await;
        let folder = TempDir::new().unwrap();
        let (mut sentinels, mut ports) = (Vec::new(), Vec::new());
        for _ in 0..SENTINELS {
            let (child, port) =
                start_on_free_ports(async || start_sentinel(folder.path(), &master).await).await;
            sentinels.push(child);
            ports.push(port);
        }
        let started = Self { servers: [master, replica], sentinels, ports, _folder: folder };
        eventually("each Sentinel knows the others and the replica", async || {
            let mut known = 0;
            for &port in &started.ports {
                let state = command(port, &format!("SENTINEL MASTER {MASTER}")).await.unwrap_or_default();
                known += usize::from(
                    has_field(&state, "num-slaves", "1") && has_field(&state, "num-other-sentinels", "2"),
                );
            }
            known == SENTINELS
        })
        .await;
        started
    }

    /// Returns `redis+sentinel://127.0.0.1:PORT,127.0.0.1:PORT,127.0.0.1:PORT/mymaster`.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/{MASTER}", hosts.join(","))
    }

    /// Returns which of the servers is the master according to the last Sentinel.
    pub async fn master(&self) -> usize {
        let request = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {MASTER}");
        let reply = command(*self.ports.last().unwrap(), &request).await.unwrap_or_default();
        let port = reply.lines().rev().find_map(|line| line.trim().parse::<u16>().ok());
        self.servers.iter().position(|server| Some(server.port()) == port).unwrap()
    }

    /// Tells a Sentinel to make the replica the master.
    pub async fn fail_over(&self) {
        let reply = command(self.ports[0], &format!("SENTINEL FAILOVER {MASTER}")).await;
        assert!(reply.as_deref().is_some_and(|reply| reply.starts_with("+OK")), "{reply:?}");
    }
}

async fn start_sentinel(folder: &Path, master: &Redis) -> Result<(Child, u16), StartError> {
    let port = port::free();
    let file = folder.join(format!("{port}.conf"));
    let lines = [
        format!("port {port}"),
        "bind 127.0.0.1".to_owned(),
        format!("sentinel monitor {MASTER} 127.0.0.1 {} 2", master.port()),
        format!("sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MILLIS}"),
        format!("sentinel failover-timeout {MASTER} 2000"),
    ];
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    let mut sentinel = crate::spawner::command("redis-server");
    sentinel.arg(&file).arg("--sentinel");
    let mut child = Child::spawn("redis-sentinel", sentinel, &folder.join(format!("{port}.log")));
    child.ready_when(async || command(port, "PING").await.is_some()).await?;
    Ok((child, port))
}

/// The reply of a Sentinel to a command, as it is on the wire, before that to `PING`. A frozen one does not reply.
async fn command(port: u16, text: &str) -> Option<String> {
    let exchange = async {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        socket.write_all(format!("{text}\r\nPING\r\n").as_bytes()).await.ok()?;
        let mut reply = Vec::new();
        while !reply.ends_with(PONG) {
            let read = socket.read_buf(&mut reply).await.ok()?;
            (read > 0).then_some(())?;
        }
        String::from_utf8(reply).ok()
    };
    timeout(REPLY_TIMEOUT, exchange).await.ok()?
}

fn has_field(reply: &str, name: &str, value: &str) -> bool {
    let values: Vec<&str> = reply.lines().filter(|line| !line.starts_with(['$', '*'])).collect();
    values.windows(2).any(|pair| pair == [name, value])
}
