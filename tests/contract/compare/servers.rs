//! The servers that scenarios run against: a Janus, and a Switchboard in front of another Janus with the same
//! configuration.
//!
//! | servers | for |
//! |---|---|
//! | `default` | almost all scenarios: sessions outlive silence and, for a while, their socket |
//! | `short-timeouts` | effects of silence and lost sockets, which end sessions at once. Candidates are in the SDP, not in events |

use super::scenario::Server;
use testkit::{Cluster, Janus, Process, Redis, Service, janus::JanusConfig};

/// The names of all sets of servers.
pub const SERVER_SETS: [&str; 2] = [DEFAULT_SERVERS, "short-timeouts"];
pub const DEFAULT_SERVERS: &str = "default";

/// The addresses that clients connect to, and the kind of server behind them.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub server: Server,
    pub full_trickle: bool,
    urls: Vec<String>,
}

impl Endpoints {
    /// The address of that number. Numbers beyond the last address start over.
    pub fn url(&self, number: usize) -> &str {
        &self.urls[number % self.urls.len()]
    }
}

/// The bus that Switchboard runs on.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    Memory,
    Redis,
}

/// A running server. Its processes are killed when it is dropped.
pub struct Servers {
    pub endpoints: Endpoints,
    janus: Janus,
    _process: Option<Process>,
    _cluster: Option<(Cluster, Redis)>,
}

fn config(servers: &str) -> JanusConfig {
    match servers {
        DEFAULT_SERVERS => JanusConfig { reclaim_session_timeout: 3, ..JanusConfig::default() },
        "short-timeouts" => JanusConfig {
            session_timeout: 4,
            reclaim_session_timeout: 0,
            full_trickle: false,
            ..JanusConfig::default()
        },
        _ => panic!("unknown set of servers: {servers}"),
    }
}

impl Servers {
    /// A Janus alone.
    pub async fn of_janus(servers: &str) -> Self {
        let janus = Janus::with(config(servers)).await;
        let endpoints = endpoints(Server::Janus, servers, vec![janus.url()]);
        Self { endpoints, janus, _process: None, _cluster: None }
    }

    /// A Switchboard in front of a Janus.
    pub async fn of_switchboard(servers: &str, form: Form) -> Self {
        let janus = Janus::with(config(servers)).await;
        match form {
            Form::Memory => Self::on_memory(servers, janus).await,
            Form::Redis => Self::on_redis(servers, janus).await,
        }
    }

    async fn on_memory(servers: &str, janus: Janus) -> Self {
        let mut options = edge_options(servers);
        options.push(format!("--backend=a={}", janus.url()));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let process = Process::start(Service::Standalone, &options).await;
        let endpoints = endpoints(Server::Switchboard, servers, vec![process.url()]);
        Self { endpoints, janus, _process: Some(process), _cluster: None }
    }

    async fn on_redis(servers: &str, janus: Janus) -> Self {
        let redis = Redis::start().await;
        let plan = Cluster::new(&redis).edges(2).backend("a", &janus);
        let plan = edge_options(servers).iter().fold(plan, |plan, option| plan.with(Service::Edge, option));
        let cluster = plan.start().await;
        let urls = vec![cluster.edge_url(0), cluster.edge_url(1)];
        Self {
            endpoints: endpoints(Server::Switchboard, servers, urls),
            janus,
            _process: None,
            _cluster: Some((cluster, redis)),
        }
    }

    /// Whether its Janus and the plugin still answer: Janus 1.1.2 may crash or freeze.
    pub async fn serves(&self) -> bool {
        super::probe::serves(&self.janus.url()).await
    }

    /// Restarts its Janus.
    pub async fn restart_janus(&mut self) {
        self.janus.restart().await;
    }
}

fn endpoints(server: Server, servers: &str, urls: Vec<String>) -> Endpoints {
    Endpoints { server, full_trickle: config(servers).full_trickle, urls }
}

fn edge_options(servers: &str) -> Vec<String> {
    let JanusConfig { session_timeout, reclaim_session_timeout, .. } = config(servers);
    vec![
        format!("--session-timeout={session_timeout}"),
        format!("--reclaim-timeout={reclaim_session_timeout}"),
        format!("--idle-timeout={}", if servers == DEFAULT_SERVERS { 10 } else { 5 }),
    ]
}
