//! Starts all child processes on one thread, so that none outlives the test program.
//!
//! With `setpriv --pdeathsig` the kernel kills a child when its parent dies. The parent is a thread, and the
//! thread of a test ends with the test. Hence one thread that lives as long as the program, also for servers
//! that several tests share.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

struct SpawnRequest {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

static SPAWNER: LazyLock<Sender<SpawnRequest>> = LazyLock::new(|| {
    let (sender, requests) = channel::<SpawnRequest>();
    thread::spawn(move || {
        for mut request in requests {
            // The caller waits for the reply, so the channel is open.
            let _ = request.reply.send(request.command.spawn());
        }
    });
    sender
});

/// Returns a command that runs `program` and is killed with this program.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Starts a command from [`command`].
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, outcome) = channel();
    SPAWNER.send(SpawnRequest { command, reply }).expect("the spawner thread runs as long as the program");
    outcome.recv().expect("the spawner thread replies to each request")
}

/// Returns the path of an executable of the same profile: cargo puts tests and benches into
/// `target/PROFILE/deps`, and executables one folder up.
pub(crate) fn executable(name: &str, package: &str) -> PathBuf {
    let current = std::env::current_exe().unwrap();
    let path = current.ancestors().nth(2).unwrap().join(name);
    let hint = format!("build it first, with the profile of the tests: cargo build -p {package}");
    assert!(path.exists(), "there is no {}; {hint}", path.display());
    path
}
