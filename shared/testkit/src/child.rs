//! A child process: its log, signals and end.

use crate::output::Output;
use crate::spawner;
use crate::wait::{DEADLINE, becomes_true};
use std::fs;
use std::io::PipeReader;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// How programs report that a port is taken: the text of the operating system, and that of Janus.
const PORT_TAKEN: [&str; 2] = ["in use", "Error creating vhost"];

/// How often a start is attempted, each time with other ports.
const MAX_STARTS: usize = 5;

const TAIL_LINES: usize = 60;

/// A process that is killed, and waited for, when this is dropped.
pub struct Child {
    /// Name and process id.
    name: String,
    process: std::process::Child,
    log: PathBuf,
    output: Output,
    /// Keeps a pipe open that is not read.
    _unread: Option<PipeReader>,
}

/// A server did not become ready.
pub(crate) enum StartError {
    /// Another program took one of its ports.
    PortTaken,
    /// Any other failure, as a text for a panic.
    Failed(String),
}

impl Child {
    /// Starts `command`, from [`spawner::command`]. Its output is appended to the file `log`.
    pub(crate) fn spawn(name: &str, command: Command, log: &Path) -> Self {
        Self::spawn_with(name, command, log, Output::Log)
    }

    /// Starts a command from [`Output::command`] of this output.
    pub(crate) fn spawn_with(name: &str, mut command: Command, log: &Path, output: Output) -> Self {
        let unread = output.attach(command.stdin(Stdio::null()), log);
        let process = spawner::spawn(command).unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let name = format!("{name} ({})", process.id());
        Self { name, process, log: log.to_owned(), output, _unread: unread }
    }

    /// Polls `ready` until it returns true.
    pub(crate) async fn ready_when(
        &mut self,
        mut ready: impl AsyncFnMut() -> bool,
    ) -> Result<(), StartError> {
        let settled = becomes_true(DEADLINE, async || self.exit_status().is_some() || ready().await).await;
        match (settled, self.exit_status()) {
            (true, None) => Ok(()),
            (_, Some(_)) if self.port_was_taken() => Err(StartError::PortTaken),
            (_, Some(status)) => Err(self.failed(&format!("exited early, {status}"))),
            (false, None) => Err(self.failed(&format!("was not ready within {DEADLINE:?}"))),
        }
    }

    /// Without a log, any early end counts: a server that never starts fails at the last attempt.
    fn port_was_taken(&self) -> bool {
        let log = self.log();
        self.output != Output::Log && log.is_empty() || PORT_TAKEN.iter().any(|text| log.contains(text))
    }

    fn failed(&self, how: &str) -> StartError {
        StartError::Failed(format!("{} {how}; end of its log:\n{}", self.name, self.log_tail()))
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns the exit status, or `None` while it runs.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Waits until the process has exited; panics at [`DEADLINE`].
    pub(crate) async fn wait_exit(&mut self) -> ExitStatus {
        let ended = becomes_true(DEADLINE, async || self.exit_status().is_some()).await;
        assert!(ended, "{} still runs after {DEADLINE:?}; end of its log:\n{}", self.name, self.log_tail());
        self.exit_status().unwrap()
    }

    /// Sends SIGKILL, which simulates a crash, and waits for the end. Then the ports are free.
    pub fn kill(&mut self) {
        // An error means that the process has exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Sends SIGSTOP: connections stay open, but the process does not respond.
    pub fn stop(&mut self) {
        self.signal("STOP");
    }

    /// Sends SIGCONT, after [`stop`](Self::stop).
    pub fn resume(&mut self) {
        self.signal("CONT");
    }

    /// Sends a signal (`TERM`, `STOP`, `CONT`, ...), unless the process has exited.
    pub(crate) fn signal(&mut self, signal: &str) {
        if self.exit_status().is_some() {
            return;
        }
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status();
        assert!(sent.unwrap().success(), "cannot send {signal} to {}", self.name);
    }

    /// Returns the output so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl StartError {
    /// Panics after a failed restart on the same ports.
    pub(crate) fn panic_on_restart(self, name: &str) -> ! {
        match self {
            Self::PortTaken => panic!("another program took a port of {name} while it was down"),
            Self::Failed(why) => panic!("{why}"),
        }
    }
}

/// Implements `Deref` to [`Child`] for a server with a field `child`.
macro_rules! deref_to_child {
    ($server:ident) => {
        impl std::ops::Deref for $server {
            type Target = $crate::Child;
            fn deref(&self) -> &$crate::Child {
                &self.child
            }
        }

        impl std::ops::DerefMut for $server {
            fn deref_mut(&mut self) -> &mut $crate::Child {
                &mut self.child
            }
        }
    };
}
pub(crate) use deref_to_child;

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- end of the log of {} ---\n{}\n---", self.name, self.log_tail());
        }
    }
}

/// Starts a server on ports that `start` picks, and retries with other ports when another program took one.
/// Any other failure panics at once: a start that fails now and then is a bug.
pub(crate) async fn start_on_free_ports<S>(mut start: impl AsyncFnMut() -> Result<S, StartError>) -> S {
    for _ in 0..MAX_STARTS {
        match start().await {
            Ok(server) => return server,
            Err(StartError::Failed(why)) => panic!("{why}"),
            Err(StartError::PortTaken) => {}
        }
    }
    panic!("ports were lost to other programs {MAX_STARTS} times in a row");
}
