//! A real Redis that speaks TLS and requires client certificates, and a real Sentinel that does so too and has a
//! password.

use crate::child::{Child, StartError, start_on_free_ports};
use crate::port;
use crate::redis::{Redis, RedisConfig};
use crate::tls::Certificate;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// The password of the Sentinel.
pub const PASSWORD: &str = "p@ss of the Sentinel";

/// A master and its Sentinel; killed when dropped.
pub struct SecuredSentinel {
    _redis: Redis,
    _sentinel: Child,
    port: u16,
    _folder: TempDir,
}

impl SecuredSentinel {
    /// Starts both with this certificate, which signs itself and is required of clients.
    pub async fn start(certificate: &Certificate) -> Self {
        let authority = certificate.file().display().to_string();
        let arguments = ["--tls-auth-clients", "yes", "--tls-ca-cert-file", &authority];
        let config = RedisConfig {
            certificate: Some((certificate.file(), certificate.key_file())),
            arguments: arguments.map(str::to_owned).to_vec(),
            ..RedisConfig::default()
        };
        let (redis, folder) = (Redis::with(config).await, TempDir::new().unwrap());
        let master = redis.tls_url();
        let master = master.trim_end_matches('/').rsplit(':').next().unwrap();
        let (sentinel, port) =
            start_on_free_ports(async || start(folder.path(), certificate, master).await).await;
        Self { _redis: redis, _sentinel: sentinel, port, _folder: folder }
    }

    /// Returns `rediss+sentinel://localhost:PORT/mymaster`.
    pub fn url(&self) -> String {
        format!("rediss+sentinel://localhost:{}/mymaster", self.port)
    }
}

async fn start(folder: &Path, certificate: &Certificate, master: &str) -> Result<(Child, u16), StartError> {
    let (port, file) = (port::free(), folder.join("sentinel.conf"));
    let (chain, key) = (certificate.file(), certificate.key_file());
    let lines = [
        format!("port 0\ntls-port {port}\nbind 127.0.0.1\nrequirepass \"{PASSWORD}\""),
        format!("tls-cert-file {}\ntls-key-file {}", chain.display(), key.display()),
        format!("tls-ca-cert-file {}\ntls-auth-clients yes\ntls-replication yes", chain.display()),
        // The certificate is for a name.
        "sentinel resolve-hostnames yes\nsentinel announce-hostnames yes".to_owned(),
        format!("sentinel monitor mymaster localhost {master} 1"),
    ];
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    let mut sentinel = crate::spawner::command("redis-server");
    sentinel.arg(&file).arg("--sentinel");
    let mut child = Child::spawn("redis-sentinel", sentinel, &folder.join("log"));
    child.ready_when(async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await?;
    Ok((child, port))
}
