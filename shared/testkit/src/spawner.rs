//! The thread that starts all child processes, so that none outlives the test program.
//!
//! `setpriv --pdeathsig` has the kernel kill a child when its parent dies, however that comes about. For
//! the kernel the parent is a thread, and a test's thread ends with its test. Hence one thread that lives
//! as long as the program; a server that several tests share is then safe too.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

struct SpawnRequest {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

static SPAWNER: LazyLock<Sender<SpawnRequest>> = LazyLock::new(|| {
    let (orders, inbox) = channel::<SpawnRequest>();
    thread::spawn(move || {
        for mut order in inbox {
            // Whoever gave the order waits for the answer, so somebody takes it.
            let _ = order.reply.send(order.command.spawn());
        }
    });
    orders
});

/// A command that runs `program` in its own place, and whose end is tied to ours.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Starts a command made by [`command`].
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = channel();
    SPAWNER.send(SpawnRequest { command, reply }).expect("the spawner thread runs as long as the program");
    answer.recv().expect("the spawner thread answers each order")
}
