//! The cluster: the unmodified services on the in-process bus and directory, in front of two fake Janus
//! servers. Each service has a fault schedule and connections of its own, through which it can be frozen,
//! killed or stopped.

use super::fault_schedule::{ErrorRates, FaultSchedule};
use super::faulty_transport::Connections;
use bus::Bus;
use bus::memory::MemoryBus;
use clap::Parser;
use common::ServiceId;
use common::transport::Transport;
use connector::janus::endpoint::Dialler;
use directory::Directory;
use directory::memory::MemoryDirectory;
use edge::Edge;
use service::{CancellationToken, Context, Health, ShutdownPolicy};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use testkit::Rng;
use testkit::{FakeJanus, Gate};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The names of the media servers.
pub const BACKENDS: [&str; 2] = ["a", "b"];
/// How long an edge keeps the session of a client that is away.
pub const GRACE: Duration = Duration::from_secs(12);
/// The shutdown timeout of a service.
pub const DRAIN: Duration = Duration::from_secs(10);

/// The kinds of services. Each kind has two slots.
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
    schedule: FaultSchedule,
    connections: Arc<Connections>,
    shutdown: CancellationToken,
    edge: Option<Edge>,
    running: Option<JoinHandle<()>>,
}

pub struct Cluster {
    /// The bus, without faults.
    pub bus: Bus,
    /// The directory, without faults.
    pub directory: Directory,
    /// The media servers.
    pub janus: [Arc<tokio::sync::Mutex<FakeJanus>>; 2],
    /// The ids of all edges of the run, including ended ones.
    pub edges: Vec<ServiceId>,
    memory_bus: MemoryBus,
    memory_directory: MemoryDirectory,
    store: Arc<Gate>,
    rates: ErrorRates,
    rng: Rng,
    processes: [[Option<Process>; 2]; 3],
}

impl Cluster {
    /// Starts the media servers only.
    pub fn new(rates: ErrorRates, rng: Rng) -> Self {
        let (memory_bus, memory_directory) = (MemoryBus::default(), MemoryDirectory::default());
        let janus = || Arc::new(tokio::sync::Mutex::new(FakeJanus::in_memory()));
        Self {
            bus: Bus::Memory(memory_bus.clone()),
            directory: Directory::Memory(memory_directory.clone()),
            janus: [janus(), janus()],
            edges: Vec::new(),
            memory_bus,
            memory_directory,
            store: Arc::default(),
            rates,
            rng,
            processes: Default::default(),
        }
    }

    /// Makes bus and directory unreachable, or reachable again.
    pub fn set_store_away(&self, away: bool) {
        self.store.set_closed(away);
    }

    /// Whether a service runs in this slot. A frozen service counts as running.
    pub fn runs(&self, kind: Kind, slot: usize) -> bool {
        self.processes[kind as usize][slot].is_some()
    }

    /// Starts a service with a new id in an empty slot.
    pub async fn start(&mut self, kind: Kind, slot: usize) {
        assert!(!self.runs(kind, slot), "the slot is occupied");
        let schedule = FaultSchedule::new(self.store.clone(), self.rates, self.rng.fork());
        let name = format!("{kind:?}").to_lowercase();
        let context = self.context(ServiceId::fresh(&name), &schedule);
        let mut process = Process {
            id: context.id.clone(),
            shutdown: context.shutdown.clone(),
            schedule,
            connections: Arc::default(),
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
        self.processes[kind as usize][slot] = Some(process);
    }

    fn context(&self, id: ServiceId, schedule: &FaultSchedule) -> Context {
        Context {
            id,
            bus: Bus::Memory(self.memory_bus.with_faults(schedule.injector())),
            directory: Directory::Memory(self.memory_directory.with_faults(schedule.injector())),
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
        let (janus, connections, schedule) =
            (self.janus.clone(), process.connections.clone(), process.schedule.clone());
        Arc::new(move |address| {
            let slot = BACKENDS.iter().position(|name| address.starts_with(name)).unwrap();
            let (janus, connections, schedule) = (janus[slot].clone(), connections.clone(), schedule.clone());
            Box::pin(async move {
                schedule.up().await;
                let end = janus.lock().await.connect().ok_or(io::ErrorKind::ConnectionRefused)?;
                Ok(Box::new(connections.open_to(end)) as Box<dyn Transport>)
            })
        })
    }

    /// Opens a socket to the edge in this slot. None if there is no edge.
    pub fn connect(&self, slot: usize) -> Option<DuplexStream> {
        let process = self.processes[Kind::Edge as usize][slot].as_ref()?;
        let (local, remote) = process.connections.open();
        process.edge.as_ref()?.serve_transport(Box::new(local));
        Some(remote)
    }

    /// Kills a service.
    pub fn kill(&mut self, kind: Kind, slot: usize) {
        let Some(process) = self.processes[kind as usize][slot].take() else { return };
        process.schedule.die();
        process.connections.cut();
        if let Some(running) = process.running {
            running.abort();
        }
    }

    /// Freezes a service until [`thaw`](Self::thaw).
    pub fn freeze(&self, kind: Kind, slot: usize) {
        self.stall(kind, slot, true);
    }

    /// Resumes a frozen service.
    pub fn thaw(&self, kind: Kind, slot: usize) {
        self.stall(kind, slot, false);
    }

    fn stall(&self, kind: Kind, slot: usize, stall: bool) {
        if let Some(process) = &self.processes[kind as usize][slot] {
            process.schedule.freeze(stall);
            process.connections.stall(stall);
        }
    }

    /// Stops a service, which must end within its shutdown timeout.
    pub async fn stop(&mut self, kind: Kind, slot: usize) {
        let Some(process) = self.processes[kind as usize][slot].take() else { return };
        process.shutdown.cancel();
        let Process { id, edge, running, connections, schedule, .. } = process;
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
        schedule.die();
        connections.cut();
    }
}

async fn connector(context: Context, dialler: Dialler) {
    let backends = BACKENDS.map(|name| format!("{name}=ws://{name}:8188")).join(",");
    let options = ConnectorCli::parse_from(["connector", "--backend", &backends]).options;
    connector::run_with(options, context, dialler).await.unwrap();
}
