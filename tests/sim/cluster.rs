//! The cluster: the code of the services as it is, on the bus and directory within the process, in front
//! of two fake Janus servers. Each service has a climate and cables of its own, through which it can be
//! frozen, killed, or asked to stop.

use super::cable::Cables;
use super::dice::Rng;
use super::weather::{FaultSchedule, Rough};
use bus::Bus;
use bus::memory::MemoryBus;
use clap::Parser;
use common::ServiceId;
use connector::janus::site::{Dialler, Transport};
use directory::Directory;
use directory::memory::MemoryDirectory;
use edge::Edge;
use service::{CancellationToken, Context, Health, ShutdownPolicy};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use testkit::{FakeJanus, Gate};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The names of the media servers.
pub const BACKENDS: [&str; 2] = ["a", "b"];
/// How long an edge keeps a session for a client that is away.
pub const GRACE: Duration = Duration::from_secs(12);
/// How long a service may take to stop.
pub const DRAIN: Duration = Duration::from_secs(10);

/// What kinds of services there are; of each kind two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Edge,
    Router,
    Connector,
}

#[derive(Parser)]
struct EdgeCli {
    #[command(flatten)]
    options: edge::Options,
}

#[derive(Parser)]
struct RouterCli {
    #[command(flatten)]
    options: router::Options,
}

#[derive(Parser)]
struct ConnectorCli {
    #[command(flatten)]
    options: connector::Options,
}

/// A service process.
struct Process {
    id: ServiceId,
    climate: FaultSchedule,
    cables: Arc<Cables>,
    shutdown: CancellationToken,
    edge: Option<Edge>,
    running: Option<JoinHandle<()>>,
}

/// All of it.
pub struct Cluster {
    /// The bus, as it is.
    pub bus: Bus,
    /// The directory, as it is.
    pub directory: Directory,
    /// The media servers.
    pub janus: [Arc<tokio::sync::Mutex<FakeJanus>>; 2],
    /// Every edge there ever was.
    pub edges: Vec<ServiceId>,
    roads: MemoryBus,
    records: MemoryDirectory,
    store: Arc<Gate>,
    rough: Rough,
    dice: Rng,
    processes: [[Option<Process>; 2]; 3],
}

impl Cluster {
    /// Nothing runs yet but the media servers.
    pub fn new(rough: Rough, dice: Rng) -> Self {
        let (roads, records) = (MemoryBus::default(), MemoryDirectory::default());
        let janus = || Arc::new(tokio::sync::Mutex::new(FakeJanus::in_memory()));
        Self {
            bus: Bus::Memory(roads.clone()),
            directory: Directory::Memory(records.clone()),
            janus: [janus(), janus()],
            edges: Vec::new(),
            roads,
            records,
            store: Arc::default(),
            rough,
            dice,
            processes: Default::default(),
        }
    }

    /// Whether bus and directory are away.
    pub fn store_is_away(&self, away: bool) {
        self.store.set_closed(away);
    }

    /// Whether a service runs at this place; a frozen one does.
    pub fn runs(&self, kind: Kind, place: usize) -> bool {
        self.processes[kind as usize][place].is_some()
    }

    /// Starts a service with a new id at a place where none is.
    pub async fn start(&mut self, kind: Kind, place: usize) {
        assert!(!self.runs(kind, place), "there is one");
        let climate = FaultSchedule::new(self.store.clone(), self.rough, self.dice.fork());
        let name = format!("{kind:?}").to_lowercase();
        let context = self.context(ServiceId::fresh(&name), &climate);
        let mut process = Process {
            id: context.id.clone(),
            shutdown: context.shutdown.clone(),
            climate,
            cables: Arc::default(),
            edge: None,
            running: None,
        };
        match kind {
            Kind::Edge => process.edge = Some(self.edge(context).await),
            Kind::Router => {
                let options = RouterCli::parse_from(["router"]).options;
                process.running = Some(tokio::spawn(async { router::run(options, context).await.unwrap() }));
            }
            Kind::Connector => {
                let dialler = self.dialler(&process);
                process.running = Some(tokio::spawn(connector(context, dialler)));
            }
        }
        self.processes[kind as usize][place] = Some(process);
    }

    fn context(&self, id: ServiceId, climate: &FaultSchedule) -> Context {
        Context {
            id,
            bus: Bus::Memory(self.roads.with_faults(climate.injector())),
            directory: Directory::Memory(self.records.with_faults(climate.injector())),
            health: Health::default(),
            shutdown: CancellationToken::new(),
            shutdown_policy: ShutdownPolicy { timeout: DRAIN, hand_over: true },
        }
    }

    async fn edge(&mut self, context: Context) -> Edge {
        let grace = GRACE.as_secs().to_string();
        let options = EdgeCli::parse_from(["edge", "--reclaim-timeout", &grace]).options;
        self.edges.push(context.id.clone());
        loop {
            match Edge::start(&options, context.clone()).await {
                Ok(edge) => return edge,
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn dialler(&self, process: &Process) -> Dialler {
        let (janus, cables, climate) = (self.janus.clone(), process.cables.clone(), process.climate.clone());
        Arc::new(move |address| {
            let place = BACKENDS.iter().position(|name| address.starts_with(name)).unwrap();
            let (janus, cables, climate) = (janus[place].clone(), cables.clone(), climate.clone());
            Box::pin(async move {
                climate.up().await;
                let end = janus.lock().await.connect().ok_or(io::ErrorKind::ConnectionRefused)?;
                Ok(Box::new(cables.lay_to(end)) as Box<dyn Transport>)
            })
        })
    }

    /// A socket to the edge at this place; none where there is none.
    pub fn connect(&self, place: usize) -> Option<DuplexStream> {
        let process = self.processes[Kind::Edge as usize][place].as_ref()?;
        let (near, far) = process.cables.lay();
        process.edge.as_ref()?.serve_transport(Box::new(near));
        Some(far)
    }

    /// A service is killed.
    pub fn kill(&mut self, kind: Kind, place: usize) {
        let Some(process) = self.processes[kind as usize][place].take() else { return };
        process.climate.dies();
        process.cables.cut();
        if let Some(running) = process.running {
            running.abort();
        }
    }

    /// A service does nothing until [`thaw`](Self::thaw).
    pub fn freeze(&self, kind: Kind, place: usize) {
        self.hold(kind, place, true);
    }

    /// It goes on.
    pub fn thaw(&self, kind: Kind, place: usize) {
        self.hold(kind, place, false);
    }

    fn hold(&self, kind: Kind, place: usize, hold: bool) {
        if let Some(process) = &self.processes[kind as usize][place] {
            process.climate.freeze(hold);
            process.cables.hold(hold);
        }
    }

    /// A service is asked to stop, and does within its bound.
    pub async fn stop(&mut self, kind: Kind, place: usize) {
        let Some(process) = self.processes[kind as usize][place].take() else { return };
        process.shutdown.cancel();
        let Process { id, edge, running, cables, climate, .. } = process;
        let stopping = async {
            if let Some(edge) = edge {
                edge.stop().await;
            }
            if let Some(running) = running {
                running.await.unwrap();
            }
        };
        let stopped = tokio::time::timeout(DRAIN + Duration::from_secs(5), stopping).await;
        assert!(stopped.is_ok(), "{id} did not stop in time");
        climate.dies();
        cables.cut();
    }
}

async fn connector(context: Context, dialler: Dialler) {
    let backends = BACKENDS.map(|name| format!("{name}=ws://{name}:8188")).join(",");
    let options = ConnectorCli::parse_from(["connector", "--backend", &backends]).options;
    connector::run_with(options, context, dialler).await.unwrap();
}
