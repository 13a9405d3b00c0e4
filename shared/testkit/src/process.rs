//! Processes of the executable `switchboard`.

use crate::child::{Child, StartError, deref_to_child, start_on_free_ports};
use crate::fake_clock::FakeClock;
use crate::output::Output;
use crate::{http, port, spawner};
use std::path::Path;
use std::process::{Command, ExitStatus};
use tempfile::TempDir;

/// A service, which is a subcommand of the executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Holds the clients' websockets.
    Edge,
    /// Handles the requests for names and calls.
    Router,
    /// Holds the websockets to Janus.
    Connector,
    /// Serves the HTTP API.
    Rest,
    /// All four services in one process, without Redis.
    Standalone,
}

impl Service {
    /// Returns the subcommand.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Router => "router",
            Self::Connector => "connector",
            Self::Rest => "rest",
            Self::Standalone => "standalone",
        }
    }

    /// Returns the options that name an address to listen on.
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
    output: Output,
    clock: Option<FakeClock>,
    // Dropped last: it is the working directory of the process.
    folder: TempDir,
}

deref_to_child!(Process);

impl Process {
    /// Starts a service and waits until its `/readyz` returns 200. `args` are all options except the addresses to
    /// listen on, which get free ports.
    pub async fn start(service: Service, args: &[&str]) -> Self {
        Self::start_in(Output::Log, None, service, args).await
    }

    /// The same, with this output.
    pub async fn start_with(output: Output, service: Service, args: &[&str]) -> Self {
        Self::start_in(output, None, service, args).await
    }

    /// The same, with this wall clock.
    pub async fn start_with_clock(clock: Option<&FakeClock>, service: Service, args: &[&str]) -> Self {
        Self::start_in(Output::Log, clock, service, args).await
    }

    /// The same, with this output and this wall clock.
    pub(crate) async fn start_in(
        output: Output,
        clock: Option<&FakeClock>,
        service: Service,
        args: &[&str],
    ) -> Self {
        start_on_free_ports(async || {
            let mut process = Self::spawn_in(output, clock.cloned(), service, args);
            process.ready().await.map(|()| process)
        })
        .await
    }

    /// Starts a service without waiting, for instance because its Redis is down.
    pub fn spawn(service: Service, args: &[&str]) -> Self {
        Self::spawn_in(Output::Log, None, service, args)
    }

    fn spawn_in(output: Output, clock: Option<FakeClock>, service: Service, args: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let listeners: Vec<_> = service.listeners().iter().map(|&option| (option, port::free())).collect();
        let child = spawn(service, &args, &listeners, (output, clock.as_ref()), folder.path());
        Self { child, service, args, listeners, output, clock, folder }
    }

    /// Waits until `/readyz` returns 200.
    pub async fn wait_ready(&mut self) {
        match self.ready().await {
            Ok(()) => {}
            Err(StartError::PortTaken) => panic!("another program took a port of {}", self.service.name()),
            Err(StartError::Failed(why)) => panic!("{why}"),
        }
    }

    async fn ready(&mut self) -> Result<(), StartError> {
        let readyz = format!("{}/readyz", self.admin_url());
        let ready = async || http::send("GET", &readyz, "").await.is_ok_and(|it| it.status == 200);
        self.child.ready_when(ready).await
    }

    /// Returns the service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Returns the Janus API URL of an edge or standalone: `ws://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address("--listen"))
    }

    /// Returns the HTTP URL of a rest or standalone: `http://127.0.0.1:PORT`.
    pub fn rest_url(&self) -> String {
        let option = if self.service == Service::Rest { "--listen" } else { "--rest-listen" };
        format!("http://{}", self.address(option))
    }

    /// Returns the URL of `/livez`, `/readyz` and `/metrics`: `http://127.0.0.1:PORT`.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.address("--admin-listen"))
    }

    fn address(&self, option: &str) -> String {
        let listener = self.listeners.iter().find(|(it, _)| *it == option);
        let (_, port) = listener.unwrap_or_else(|| panic!("{} has no {option}", self.service.name()));
        format!("127.0.0.1:{port}")
    }

    /// Sends SIGTERM. [`Process::wait_exit`] waits for the end.
    pub fn terminate(&mut self) {
        self.child.signal("TERM");
    }

    /// Waits until the process has exited; panics at [`crate::DEADLINE`].
    pub async fn wait_exit(&mut self) -> ExitStatus {
        self.child.wait_exit().await
    }

    /// Kills the process if it runs, starts it again with the same options and ports, and waits until it is
    /// ready.
    pub async fn restart(&mut self) {
        self.kill();
        let surroundings = (self.output, self.clock.as_ref());
        self.child = spawn(self.service, &self.args, &self.listeners, surroundings, self.folder.path());
        self.wait_ready().await;
    }
}

fn spawn(
    service: Service,
    args: &[String],
    listeners: &[(&str, u16)],
    (output, clock): (Output, Option<&FakeClock>),
    folder: &Path,
) -> Child {
    let mut command = command_with(output, &[service.name()]);
    command.args(args).current_dir(folder);
    for (option, port) in listeners {
        command.arg(option).arg(format!("127.0.0.1:{port}"));
    }
    if let Some(clock) = clock {
        clock.apply(&mut command);
    }
    Child::spawn_with(service.name(), command, &folder.join("log"), output)
}

/// Returns the executable with these arguments, for subcommands that are not services. The process is killed
/// when the thread that starts it ends.
pub fn command(args: &[&str]) -> Command {
    command_with(Output::Log, args)
}

/// The same, for [`Output::attach`] with this output.
pub fn command_with(output: Output, args: &[&str]) -> Command {
    let mut command = output.command(spawner::executable("switchboard", "switchboard"));
    command.args(args);
    clear_option_variables(&mut command);
    command
}

/// Removes options from the environment, so that tests do not depend on it.
fn clear_option_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SWITCHBOARD_") {
            command.env_remove(name);
        }
    }
}
