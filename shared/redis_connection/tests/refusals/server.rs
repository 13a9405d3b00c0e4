//! A Redis server with a fault.

use crate::fault::Fault;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisResult, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use testkit::redis::RedisConfig;
use testkit::{Redis, eventually, port};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

const KILL_INTERVAL: Duration = Duration::from_millis(50);
/// Microseconds that Redis takes to load one key.
const LOAD_DELAY: &str = "20000";

/// A server with a connection for commands of the test, which the fault does not affect.
pub struct RefusingServer {
    fault: Fault,
    redis: Redis,
    admin: MultiplexedConnection,
    folder: TempDir,
    certificates: Option<[(PathBuf, PathBuf); 2]>,
    forwarder: Option<Forwarder>,
    background: Option<AbortHandle>,
}

impl RefusingServer {
    pub async fn start(fault: Fault) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificates = (fault == Fault::UntrustedCertificate)
            .then(|| ["trusted", "untrusted"].map(|name| write_certificate(folder.path(), name)));
        let certificate = certificates.as_ref().map(|[trusted, _]| trusted.clone());
        let arguments = arguments(fault).into_iter().map(str::to_owned).collect();
        let redis = Redis::with(RedisConfig { certificate, arguments, ..RedisConfig::default() }).await;
        let admin = connect(&redis).await;
        let forwarder =
            if fault == Fault::Failover { Some(Forwarder::start(redis.port()).await) } else { None };
        let mut server = Self { fault, redis, admin, folder, certificates, forwarder, background: None };
        server.prepare().await;
        server
    }

    async fn prepare(&mut self) {
        match self.fault {
            Fault::WrongPassword | Fault::NoRights | Fault::NoRightsForNewConnections | Fault::FewRights => {
                self.run("ACL SETUSER service on >secret ~* &* +@all").await;
            }
            Fault::Loading => self.run("DEBUG POPULATE 10000 key 1000").await,
            Fault::SlotWithoutNode => {
                self.run("CLUSTER ADDSLOTSRANGE 0 16383").await;
                let mut admin = self.admin.clone();
                eventually("the cluster works", async || {
                    let info: String = command("CLUSTER INFO").query_async(&mut admin).await.unwrap();
                    info.contains("cluster_state:ok")
                })
                .await;
            }
            Fault::SnapshotsFail => {
                self.run(&format!("CONFIG SET dir {}", self.missing_folder().display())).await;
            }
            _ => {}
        }
    }

    /// The address for clients.
    pub fn client_url(&self) -> String {
        match self.fault {
            Fault::UntrustedCertificate => self.redis.tls_url(),
            Fault::WrongPassword | Fault::NoRights | Fault::NoRightsForNewConnections | Fault::FewRights => {
                self.redis.url().replace("redis://", "redis://service:secret@")
            }
            _ => match &self.forwarder {
                Some(forwarder) => format!("redis://127.0.0.1:{}", forwarder.port),
                None => self.redis.url(),
            },
        }
    }

    /// The certificate authority that clients trust.
    pub fn authority(&self) -> Option<Vec<u8>> {
        self.certificates.as_ref().map(|[(trusted, _), _]| std::fs::read(trusted).unwrap())
    }

    /// The fault begins.
    pub async fn begin(&mut self) {
        match self.fault {
            Fault::PasswordRequired => self.run("CONFIG SET requirepass x").await,
            Fault::WrongPassword => self.run("ACL SETUSER service resetpass >other").await,
            Fault::NoRights | Fault::NoRightsForNewConnections => self.run("ACL SETUSER service -@all").await,
            Fault::FewRights => self.run("ACL SETUSER service -xread -xreadgroup -subscribe -evalsha").await,
            Fault::TooManyClients => self.run("CONFIG SET maxclients 1").await,
            Fault::Loading => self.begin_loading().await,
            Fault::Replica | Fault::Failover => self.become_replica().await,
            Fault::ReplicaWithoutMaster => {
                self.run("CONFIG SET replica-serve-stale-data no").await;
                self.become_replica().await;
            }
            Fault::SlotWithoutNode => self.run("CLUSTER DELSLOTSRANGE 0 100").await,
            Fault::SnapshotsFail => self.begin_snapshot_failure().await,
            Fault::MemoryFull => self.run("CONFIG SET maxmemory 1").await,
            Fault::SlowScript => self.in_background("EVAL while(true)do(function()end)()end 0").await,
            Fault::UntrustedCertificate => self.use_certificate(1).await,
            Fault::ConnectionsKilled => self.begin_killing(),
            Fault::OtherProgram => self.begin_other_program().await,
            Fault::Down => self.redis.kill(),
            Fault::Frozen => self.redis.stop(),
        }
        let breaks_connections = matches!(
            self.fault,
            Fault::PasswordRequired
                | Fault::WrongPassword
                | Fault::NoRightsForNewConnections
                | Fault::TooManyClients
                | Fault::Loading
                | Fault::ReplicaWithoutMaster
                | Fault::UntrustedCertificate
        );
        if breaks_connections {
            kill_connections(&mut self.admin).await;
        }
    }

    /// The fault ends.
    pub async fn end(&mut self) {
        match self.fault {
            Fault::PasswordRequired => self.run_words(&["CONFIG", "SET", "requirepass", ""]).await,
            Fault::WrongPassword => self.run("ACL SETUSER service resetpass >secret").await,
            Fault::NoRights | Fault::NoRightsForNewConnections | Fault::FewRights => {
                self.run("ACL SETUSER service +@all").await;
            }
            Fault::TooManyClients => self.run("CONFIG SET maxclients 1000").await,
            Fault::Loading => self.end_loading().await,
            Fault::Replica | Fault::ReplicaWithoutMaster => self.run("REPLICAOF NO ONE").await,
            Fault::Failover => self.forwarder.as_mut().unwrap().fail_over().await,
            Fault::SlotWithoutNode => self.run("CLUSTER ADDSLOTSRANGE 0 100").await,
            Fault::SnapshotsFail => self.run("CONFIG SET stop-writes-on-bgsave-error no").await,
            Fault::MemoryFull => self.run("CONFIG SET maxmemory 0").await,
            Fault::SlowScript => self.run("SCRIPT KILL").await,
            Fault::UntrustedCertificate => self.use_certificate(0).await,
            Fault::ConnectionsKilled => self.end_background(),
            Fault::OtherProgram => {
                self.end_background();
                self.redis.restart().await;
            }
            Fault::Down => self.redis.restart().await,
            Fault::Frozen => self.redis.resume(),
        }
    }

    /// A replica whose master does not exist.
    async fn become_replica(&mut self) {
        self.run(&format!("REPLICAOF 127.0.0.1 {}", port::free())).await;
    }

    async fn begin_loading(&mut self) {
        self.run(&format!(
            "CONFIG SET key-load-delay {LOAD_DELAY} loading-process-events-interval-bytes 1024"
        ))
        .await;
        self.in_background("DEBUG RELOAD").await;
        let mut admin = self.admin.clone();
        eventually("Redis loads its data", async || is_loading(&mut admin).await).await;
    }

    async fn end_loading(&mut self) {
        self.run("CONFIG SET key-load-delay 0").await;
        let mut admin = self.admin.clone();
        eventually("Redis has loaded its data", async || !is_loading(&mut admin).await).await;
    }

    async fn begin_snapshot_failure(&mut self) {
        std::fs::remove_dir_all(self.folder.path().join("missing")).unwrap();
        self.run_words(&["CONFIG", "SET", "save", "3600 1"]).await;
        self.run("BGSAVE").await;
        let mut admin = self.admin.clone();
        eventually("a snapshot has failed", async || {
            let info: String = command("INFO persistence").query_async(&mut admin).await.unwrap();
            info.contains("rdb_last_bgsave_status:err")
        })
        .await;
    }

    fn missing_folder(&self) -> PathBuf {
        let folder = self.folder.path().join("missing");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    async fn use_certificate(&mut self, number: usize) {
        let (certificate, key) = self.certificates.as_ref().unwrap()[number].clone();
        let (certificate, key) = (certificate.display(), key.display());
        self.run(&format!("CONFIG SET tls-cert-file {certificate} tls-key-file {key}")).await;
    }

    fn begin_killing(&mut self) {
        let mut admin = self.admin.clone();
        let killing = tokio::spawn(async move {
            loop {
                kill_connections(&mut admin).await;
                sleep(KILL_INTERVAL).await;
            }
        });
        self.background = Some(killing.abort_handle());
    }

    async fn begin_other_program(&mut self) {
        self.redis.kill();
        let listener = TcpListener::bind(("127.0.0.1", self.redis.port())).await.unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        });
        self.background = Some(serving.abort_handle());
    }

    /// Runs a command that takes as long as the fault, on a connection of its own.
    async fn in_background(&mut self, words: &str) {
        let (mut connection, command) = (connect(&self.redis).await, command(words));
        let running = tokio::spawn(async move {
            let _: RedisResult<Value> = command.query_async(&mut connection).await;
        });
        self.background = Some(running.abort_handle());
    }

    fn end_background(&mut self) {
        self.background.take().unwrap().abort();
    }

    async fn run(&mut self, words: &str) {
        self.run_words(&Vec::from_iter(words.split(' '))).await;
    }

    async fn run_words(&mut self, words: &[&str]) {
        let command = to_command(words.iter().copied());
        let _: Value = command.query_async(&mut self.admin).await.unwrap();
    }
}

/// Two servers behind one address. Open connections stay with the server that they lead to.
struct Forwarder {
    port: u16,
    target: watch::Sender<u16>,
    successor: Redis,
    _serving: JoinSet<()>,
}

impl Forwarder {
    async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, targets) = watch::channel(target);
        let mut serving = JoinSet::new();
        serving.spawn(forward_all(listener, targets));
        Self { port, target, successor: Redis::start().await, _serving: serving }
    }

    async fn fail_over(&mut self) {
        self.target.send_replace(self.successor.port());
    }
}

async fn forward_all(listener: TcpListener, targets: watch::Receiver<u16>) {
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let target = *targets.borrow();
        connections.spawn(async move {
            let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        });
    }
}

fn arguments<'a>(fault: Fault) -> Vec<&'a str> {
    match fault {
        Fault::Loading => vec!["--enable-debug-command", "yes"],
        Fault::SlotWithoutNode => vec!["--cluster-enabled", "yes"],
        Fault::SnapshotsFail => vec!["--enable-protected-configs", "yes"],
        Fault::SlowScript => vec!["--busy-reply-threshold", "50"],
        _ => Vec::new(),
    }
}

fn command(words: &str) -> Cmd {
    to_command(words.split(' '))
}

fn to_command<'w>(words: impl Iterator<Item = &'w str>) -> Cmd {
    let mut command = Cmd::new();
    for word in words {
        command.arg(word);
    }
    command
}

/// A connection for commands that take as long as they want.
async fn connect(redis: &Redis) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let client = Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
}

async fn kill_connections(admin: &mut MultiplexedConnection) {
    for kind in ["normal", "pubsub"] {
        let kill = command(&format!("CLIENT KILL TYPE {kind} SKIPME yes"));
        let _: u64 = kill.query_async(admin).await.unwrap();
    }
}

async fn is_loading(admin: &mut MultiplexedConnection) -> bool {
    let info: String = command("INFO persistence").query_async(admin).await.unwrap();
    info.contains("\r\nloading:1")
}

fn write_certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    std::fs::write(&files.0, certified.cert.pem()).unwrap();
    std::fs::write(&files.1, certified.signing_key.serialize_pem()).unwrap();
    files
}
