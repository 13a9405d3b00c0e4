//! Where a process writes its output, also places that take none.

use crate::spawner;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{PipeReader, Write, pipe};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Where standard output and standard error of a process go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// A file, which [`Child::log`](crate::Child::log) returns.
    #[default]
    Log,
    /// A full disk.
    FullDisk,
    /// A pipe whose reader is gone.
    ClosedPipe,
    /// A full pipe that is not read.
    UnreadPipe,
    /// A terminal that is gone.
    ClosedTerminal,
    /// The log file, after these commands of a shell, such as `exec 2>&-` or `ulimit -n 100`.
    AfterShell(&'static str),
}

/// Where no output arrives: the name of each case for messages, and the case.
pub const LOST: [(&str, Output); 6] = [
    ("full disk", Output::FullDisk),
    ("closed pipe", Output::ClosedPipe),
    ("unread pipe", Output::UnreadPipe),
    ("closed terminal", Output::ClosedTerminal),
    ("closed descriptors", Output::AfterShell("exec <&- >&- 2>&-")),
    ("file size limit", Output::AfterShell("ulimit -f 0")),
];

impl Output {
    /// Returns a command that runs `program`, is killed with this program, and has this output.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let Self::AfterShell(commands) = self else { return spawner::command(program) };
        let mut command = spawner::command("sh");
        command.arg("-c").arg(format!("{commands}; exec \"$0\" \"$@\"")).arg(program);
        command
    }

    /// Gives the output to a command. The pipe is unread as long as the returned end is open.
    pub fn attach(self, command: &mut Command, log: &Path) -> Option<PipeReader> {
        let (out, unread): (OwnedFd, _) = match self {
            Self::Log | Self::AfterShell(_) => {
                (File::options().create(true).append(true).open(log).unwrap().into(), None)
            }
            Self::FullDisk => (File::options().write(true).open("/dev/full").unwrap().into(), None),
            Self::ClosedPipe => (pipe().unwrap().1.into(), None),
            Self::UnreadPipe => {
                let (reader, writer) = full_pipe();
                (writer, Some(reader))
            }
            Self::ClosedTerminal => (closed_terminal(), None),
        };
        command.stdout(out.try_clone().unwrap()).stderr(Stdio::from(out));
        unread
    }
}

fn full_pipe() -> (PipeReader, OwnedFd) {
    let (reader, writer) = pipe().unwrap();
    let mut filler = writer.try_clone().unwrap();
    // Blocks once the pipe is full, and ends with the reader.
    thread::spawn(move || while filler.write_all(&[b'x'; 4096]).is_ok() {});
    (reader, writer.into())
}

fn closed_terminal() -> OwnedFd {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let path = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    File::options().read(true).write(true).open(path).unwrap().into()
}
