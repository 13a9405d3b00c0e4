//! One running server: its process, its log, its signals, its end.

use crate::spawner;
use crate::wait::{DEADLINE, becomes_true};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// How a program says that a port it should listen on is not free: the system's own words, and Janus'.
const PORT_TAKEN: [&str; 2] = ["in use", "Error creating vhost"];

/// How often a start is begun again with other ports.
const MAX_STARTS: usize = 5;

const TAIL_LINES: usize = 60;

/// A process that is killed, and waited for, when this is dropped.
pub struct Child {
    /// The name and the process id: there may be many of a kind.
    name: String,
    process: std::process::Child,
    log: PathBuf,
}

/// Why a server did not become ready.
pub(crate) enum StartError {
    /// Somebody else took one of its ports first.
    PortTaken,
    /// Anything else, as a text for a panic.
    Failed(String),
}

impl Child {
    /// Starts `command` (from [`spawner::command`]); what it prints goes to the end of the file `log`.
    pub(crate) fn spawn(name: &str, mut command: Command, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).unwrap();
        let err = out.try_clone().unwrap();
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let process = spawner::spawn(command).unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name: format!("{name} ({})", process.id()), process, log: log.to_owned() }
    }

    /// Waits until `ready`, which is asked again and again, says yes.
    pub(crate) async fn ready_when(
        &mut self,
        mut ready: impl AsyncFnMut() -> bool,
    ) -> Result<(), StartError> {
        let settled = becomes_true(DEADLINE, async || self.exit_status().is_some() || ready().await).await;
        match (settled, self.exit_status()) {
            (true, None) => Ok(()),
            (_, Some(_)) if self.port_was_taken() => Err(StartError::PortTaken),
            (_, Some(status)) => Err(self.failed(&format!("ended at once, {status}"))),
            (false, None) => Err(self.failed(&format!("was not ready within {DEADLINE:?}"))),
        }
    }

    fn port_was_taken(&self) -> bool {
        let log = self.log();
        PORT_TAKEN.iter().any(|words| log.contains(words))
    }

    fn failed(&self, how: &str) -> StartError {
        StartError::Failed(format!("{} {how}; the end of its log:\n{}", self.name, self.log_tail()))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Waits for it to end by itself; panics when it has not by [`DEADLINE`].
    pub(crate) async fn wait_exit(&mut self) -> ExitStatus {
        let ended = becomes_true(DEADLINE, async || self.exit_status().is_some()).await;
        assert!(
            ended,
            "{} still runs after {DEADLINE:?}; the end of its log:\n{}",
            self.name,
            self.log_tail()
        );
        self.exit_status().unwrap()
    }

    /// Kills it (SIGKILL), as a crash would, and waits for its end, so that its ports are free when this
    /// returns.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Freezes it (SIGSTOP): connections stay up, nothing is answered.
    pub fn stop(&mut self) {
        self.signal("STOP");
    }

    /// Lets it run on after [`stop`](Self::stop).
    pub fn resume(&mut self) {
        self.signal("CONT");
    }

    /// Sends the signal of that name (`TERM`, `STOP`, `CONT`, ...), unless it has ended.
    pub(crate) fn signal(&mut self, signal: &str) {
        if self.exit_status().is_some() {
            return;
        }
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status();
        assert!(sent.unwrap().success(), "cannot send {signal} to {}", self.name);
    }

    /// All it has printed so far.
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
    /// Of one that was started again on the ports it had.
    pub(crate) fn panic_on_restart(self, name: &str) -> ! {
        match self {
            Self::PortTaken => panic!("another program took a port of {name} while it was down"),
            Self::Failed(why) => panic!("{why}"),
        }
    }
}

/// Makes a server that has a `child` a process: it can be killed, frozen, asked for its log.
macro_rules! is_a_process {
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
pub(crate) use is_a_process;

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the end of the log of {} ---\n{}\n---", self.name, self.log_tail());
        }
    }
}

/// Starts a server on ports that `start` picks anew each time, and again when another program was faster
/// to take one of them. Any other failure is a panic at once: a start that fails now and then is a bug.
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
