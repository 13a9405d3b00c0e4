//! The real Redis, as the Debian package `redis-server` installs it, empty at the start.

use crate::child::{Child, StartError, is_a_process, start_on_free_ports};
use crate::port;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a test may want different.
#[derive(Clone, Debug, Default)]
pub struct RedisConfig {
    /// Whether each write is kept on disk, so that it is there again after a restart.
    pub appendonly: bool,
    /// Files with a certificate and its key, both PEM: it then speaks TLS too.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A running Redis; killed when dropped.
pub struct Redis {
    child: Child,
    config: RedisConfig,
    port: u16,
    tls_port: u16,
    // Last, for it must outlive the process that works in it.
    folder: TempDir,
}

is_a_process!(Redis);

impl Redis {
    /// Starts one that forgets everything when it ends.
    pub async fn start() -> Self {
        Self::with(RedisConfig::default()).await
    }

    /// Starts one that is configured as `config` says.
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

    /// `redis://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// `rediss://localhost:PORT/`, where it has a certificate.
    pub fn tls_url(&self) -> String {
        format!("rediss://localhost:{}/", self.tls_port)
    }

    /// Starts it again on the port and in the folder it had; kills it first if it runs.
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
    if let Some((certificate, key)) = &config.certificate {
        command.args(["--tls-auth-clients", "no", "--tls-port", &tls_port.to_string()]);
        command.arg("--tls-cert-file").arg(certificate).arg("--tls-key-file").arg(key);
    }
    Child::spawn("redis-server", command, &folder.join("log"))
}

/// Whether the Redis on that port is the process we started, and has read its data.
async fn answers(port: u16, pid: u32) -> Option<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    socket.write_all(b"INFO\r\nQUIT\r\n").await.ok()?;
    let mut info = String::new();
    socket.read_to_string(&mut info).await.ok()?;
    let says = |line: &str| info.lines().any(|it| it == line);
    (says(&format!("process_id:{pid}")) && says("loading:0")).then_some(())
}
