//! A real Redis, from the Debian package `redis-server`, initially empty.

use crate::child::{Child, StartError, deref_to_child, start_on_free_ports};
use crate::fake_clock::FakeClock;
use crate::port;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Configuration of a Redis.
#[derive(Clone, Debug, Default)]
pub struct RedisConfig {
    /// Whether writes persist over a restart.
    pub appendonly: bool,
    /// Files of a certificate and its key (PEM), which enable TLS.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// More arguments of `redis-server`.
    pub arguments: Vec<String>,
    /// Its wall clock, if it is not that of the machine.
    pub clock: Option<FakeClock>,
}

/// A running Redis; killed when dropped.
pub struct Redis {
    child: Child,
    config: RedisConfig,
    port: u16,
    tls_port: u16,
    // Dropped last: it is the working directory of the process.
    folder: TempDir,
}

deref_to_child!(Redis);

impl Redis {
    /// Starts a server without persistence.
    pub async fn start() -> Self {
        Self::with(RedisConfig::default()).await
    }

    /// Starts a server with this configuration.
    pub async fn with(config: RedisConfig) -> Self {
        start_on_free_ports(async || Self::start_on(&config, [port::free(), port::free()]).await).await
    }

    async fn start_on(config: &RedisConfig, [port, tls_port]: [u16; 2]) -> Result<Self, StartError> {
        let folder = TempDir::new().unwrap();
        let child = spawn(folder.path(), config, [port, tls_port]);
        let mut redis = Self { child, config: config.clone(), port, tls_port, folder };
        redis.ready().await?;
        Ok(redis)
    }

    async fn ready(&mut self) -> Result<(), StartError> {
        let (port, pid) = (self.port, self.pid());
        self.child.ready_when(async || answers(port, pid).await.is_some()).await
    }

    /// Returns `redis://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Returns `rediss://localhost:PORT/`, for a server with a certificate.
    pub fn tls_url(&self) -> String {
        format!("rediss://localhost:{}/", self.tls_port)
    }

    /// Returns the port without TLS.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server if it runs and starts it again with the same port and folder.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.folder.path(), &self.config, [self.port, self.tls_port]);
        if let Err(why) = self.ready().await {
            why.panic_on_restart("Redis");
        }
    }
}

fn spawn(folder: &Path, config: &RedisConfig, [port, tls_port]: [u16; 2]) -> Child {
    let mut command = crate::spawner::command("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]).arg("--dir").arg(folder);
    command.args(["--save", "", "--appendonly", if config.appendonly { "yes" } else { "no" }]);
    // Otherwise Redis postpones writes while the disk is slow, and loses them when it is killed.
    command.args(["--appendfsync", "always"]);
    if let Some((certificate, key)) = &config.certificate {
        command.args(["--tls-auth-clients", "no", "--tls-port", &tls_port.to_string()]);
        command.arg("--tls-cert-file").arg(certificate).arg("--tls-key-file").arg(key);
    }
    command.args(&config.arguments);
    if let Some(clock) = &config.clock {
        clock.apply(&mut command);
    }
    Child::spawn("redis-server", command, &folder.join("log"))
}

/// Checks that the Redis on this port is the process `pid` and has loaded its data.
async fn answers(port: u16, pid: u32) -> Option<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    socket.write_all(b"INFO\r\nQUIT\r\n").await.ok()?;
    let mut info = String::new();
    socket.read_to_string(&mut info).await.ok()?;
    let has_line = |line: &str| info.lines().any(|it| it == line);
    (has_line(&format!("process_id:{pid}")) && has_line("loading:0")).then_some(())
}
