//! Our own executable, `switchboard`, one process per service.

use crate::child::{Child, StartError, is_a_process, start_on_free_ports};
use crate::{executable, http, port, spawner};
use std::path::Path;
use std::process::{Command, ExitStatus};
use tempfile::TempDir;

/// A service is a subcommand of the executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Holds the clients' websockets.
    Edge,
    /// Decides about calls.
    Router,
    /// Holds the websockets to Janus.
    Connector,
    /// Speaks HTTP.
    Rest,
    /// All four in one process, without Redis.
    Standalone,
}

impl Service {
    /// The subcommand.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Router => "router",
            Self::Connector => "connector",
            Self::Rest => "rest",
            Self::Standalone => "standalone",
        }
    }

    /// Which of its options name an address to listen on.
    fn listeners(self) -> &'static [&'static str] {
        match self {
            Self::Edge | Self::Rest => &["--admin-listen", "--listen"],
            Self::Router | Self::Connector => &["--admin-listen"],
            Self::Standalone => &["--admin-listen", "--listen", "--rest-listen"],
        }
    }
}

/// A running service; killed when dropped.
pub struct Process {
    child: Child,
    service: Service,
    args: Vec<String>,
    listeners: Vec<(&'static str, u16)>,
    // Last, for it must outlive the process that works in it.
    folder: TempDir,
}

is_a_process!(Process);

impl Process {
    /// Starts a service and waits until its `/readyz` says 200. `args` are all options but the addresses
    /// to listen on, for which free ports are found here.
    pub async fn start(service: Service, args: &[&str]) -> Self {
        start_on_free_ports(async || {
            let mut process = Self::spawn(service, args);
            process.ready().await.map(|()| process)
        })
        .await
    }

    /// Starts a service that need not become ready, for instance since its Redis is away.
    pub fn spawn(service: Service, args: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let listeners: Vec<_> = service.listeners().iter().map(|&option| (option, port::free())).collect();
        let child = spawn(service, &args, &listeners, folder.path());
        Self { child, service, args, listeners, folder }
    }

    /// Waits until `/readyz` says 200.
    pub async fn wait_ready(&mut self) {
        match self.ready().await {
            Ok(()) => {}
            Err(StartError::PortTaken) => panic!("another program took a port of {}", self.service.name()),
            Err(StartError::Failed(why)) => panic!("{why}"),
        }
    }

    async fn ready(&mut self) -> Result<(), StartError> {
        let readyz = format!("{}/readyz", self.admin_url());
        let ready = async || http::ask("GET", &readyz, "").await.is_ok_and(|it| it.status == 200);
        self.child.ready_when(ready).await
    }

    /// Which service it is.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Where an edge or a standalone speaks the Janus API: `ws://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address("--listen"))
    }

    /// Where a rest or a standalone speaks HTTP: `http://127.0.0.1:PORT`.
    pub fn rest_url(&self) -> String {
        let option = if self.service == Service::Rest { "--listen" } else { "--rest-listen" };
        format!("http://{}", self.address(option))
    }

    /// Where `/livez`, `/readyz` and `/metrics` are: `http://127.0.0.1:PORT`.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.address("--admin-listen"))
    }

    fn address(&self, option: &str) -> String {
        let listener = self.listeners.iter().find(|(it, _)| *it == option);
        let (_, port) = listener.unwrap_or_else(|| panic!("{} has no {option}", self.service.name()));
        format!("127.0.0.1:{port}")
    }

    /// Asks it to end (SIGTERM), as an operator does; [`Process::ended`] waits for it.
    pub fn terminate(&mut self) {
        self.child.signal("TERM");
    }

    /// Waits until it has ended by itself; panics when it has not by [`crate::DEADLINE`].
    pub async fn wait_exit(&mut self) -> ExitStatus {
        self.child.wait_exit().await
    }

    /// Starts it again with the same options, on the ports it had, and waits until it is ready; kills it
    /// first if it runs.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.service, &self.args, &self.listeners, self.folder.path());
        self.wait_ready().await;
    }
}

fn spawn(service: Service, args: &[String], listeners: &[(&str, u16)], folder: &Path) -> Child {
    let mut command = command(&[service.name()]);
    command.args(args).current_dir(folder);
    for (option, port) in listeners {
        command.arg(option).arg(format!("127.0.0.1:{port}"));
    }
    Child::spawn(service.name(), command, &folder.join("log"))
}

/// The executable with these arguments, for what is no service. It is killed when the thread that starts it
/// ends.
pub fn command(args: &[&str]) -> Command {
    let mut command = spawner::command(executable::path("switchboard", "switchboard"));
    command.args(args);
    clear_option_variables(&mut command);
    command
}

/// Every option is an environment variable too; a test must not depend on who runs it.
fn clear_option_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SWITCHBOARD_") {
            command.env_remove(name);
        }
    }
}
