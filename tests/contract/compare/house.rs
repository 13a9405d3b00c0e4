//! The servers that scenarios are played to: a Janus, and a Switchboard in front of another one that is
//! configured the same.
//!
//! | house | is for |
//! |---|---|
//! | `patient` | almost everything: sessions outlive silence and, for a while, their socket |
//! | `hasty` | what silence and lost sockets end at once; candidates come in the SDP, not as events |

use super::scenario::Server;
use testkit::{Cluster, Janus, Process, Redis, Service, janus::JanusConfig};

/// The names of all houses.
pub const HOUSES: [&str; 2] = ["patient", "hasty"];

/// Where clients connect, and to what.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub server: Server,
    pub full_trickle: bool,
    urls: Vec<String>,
}

impl Endpoints {
    /// The address of the door of that number; they come again when there are no more.
    pub fn url(&self, number: usize) -> &str {
        &self.urls[number % self.urls.len()]
    }
}

/// On which bus.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    Memory,
    Redis,
}

/// A running house. What it holds is killed when it is dropped.
pub struct Servers {
    pub doors: Endpoints,
    janus: Janus,
    _process: Option<Process>,
    _cluster: Option<(Cluster, Redis)>,
}

fn config(house: &str) -> JanusConfig {
    match house {
        "patient" => JanusConfig { reclaim_session_timeout: 3, ..JanusConfig::default() },
        "hasty" => JanusConfig {
            session_timeout: 4,
            reclaim_session_timeout: 0,
            full_trickle: false,
            ..JanusConfig::default()
        },
        _ => panic!("there is no house {house}"),
    }
}

impl Servers {
    /// A Janus alone.
    pub async fn of_janus(house: &str) -> Self {
        let janus = Janus::with(config(house)).await;
        let doors = doors(Server::Janus, house, vec![janus.url()]);
        Self { doors, janus, _process: None, _cluster: None }
    }

    /// A Switchboard in front of one.
    pub async fn of_switchboard(house: &str, form: Form) -> Self {
        let janus = Janus::with(config(house)).await;
        match form {
            Form::Memory => Self::on_memory(house, janus).await,
            Form::Redis => Self::on_redis(house, janus).await,
        }
    }

    async fn on_memory(house: &str, janus: Janus) -> Self {
        let mut options = edge_options(house);
        options.push(format!("--backend=a={}", janus.url()));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let process = Process::start(Service::Standalone, &options).await;
        let doors = doors(Server::Switchboard, house, vec![process.url()]);
        Self { doors, janus, _process: Some(process), _cluster: None }
    }

    async fn on_redis(house: &str, janus: Janus) -> Self {
        let redis = Redis::start().await;
        let plan = Cluster::new(&redis).edges(2).backend("a", &janus);
        let plan = edge_options(house).iter().fold(plan, |plan, option| plan.with(Service::Edge, option));
        let cluster = plan.start().await;
        let urls = vec![cluster.edge_url(0), cluster.edge_url(1)];
        Self {
            doors: doors(Server::Switchboard, house, urls),
            janus,
            _process: None,
            _cluster: Some((cluster, redis)),
        }
    }

    /// Whether its Janus still serves, plugin included: Janus 1.1.2 may crash or freeze.
    pub async fn serves(&self) -> bool {
        super::probe::serves(&self.janus.url()).await
    }

    /// Starts its Janus again.
    pub async fn restart_janus(&mut self) {
        self.janus.restart().await;
    }
}

fn doors(server: Server, house: &str, urls: Vec<String>) -> Endpoints {
    Endpoints { server, full_trickle: config(house).full_trickle, urls }
}

fn edge_options(house: &str) -> Vec<String> {
    let JanusConfig { session_timeout, reclaim_session_timeout, .. } = config(house);
    vec![
        format!("--session-timeout={session_timeout}"),
        format!("--reclaim-timeout={reclaim_session_timeout}"),
    ]
}
