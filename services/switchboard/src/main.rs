//! The executable: one subcommand for each service, `standalone` for all of them in one process, and what
//! operators look with.
//!
//! | file | holds |
//! |---|---|
//! | `options.rs` | the flags; `--help` is the reference |
//! | `ungrouped.rs` | how flags of several services stand beside each other |
//! | `run.rs` | one function for each subcommand |
//! | `standalone.rs` | all services in this process |
//! | `process.rs` | what every process has: log, numbers, admin routes, signals |
//! | `cluster.rs` | the way to Redis |
//! | `calls.rs` | the log of calls, printed |
//! | `health.rs` | whether another process is ready |
//! | `load.rs` | a load, until a signal |
//! | `top/` | the cluster in a terminal |
//! | `trace/` | what happened to one call |
//! | `when.rs`, `words.rs` | times and numbers as people read them |
//! | `error.rs` | why a process ended |

mod calls;
mod cluster;
mod error;
mod health;
mod load;
mod options;
mod process;
mod run;
mod standalone;
mod top;
mod trace;
mod ungrouped;
mod when;
mod words;

use clap::Parser;
use error::Error;
use mimalloc::MiMalloc;
use options::{Command, Options};
use std::process::ExitCode;
use std::thread::yield_now;
use tokio::runtime::{Builder, Runtime};

/// A tenth of all time goes into small allocations that live for one message; with the system's it is a fifth.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let command = Options::parse().command;
    match runtime(command.threads()).map_err(Error::Runtime).and_then(|runtime| block_on(runtime, command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("switchboard: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A single thread passes nothing to another: a message is on its way sooner, and costs less. Before it sleeps
/// it lets others have the processor: on a busy machine they have more for it by the time it goes on, and
/// it is not woken for each message.
fn runtime(threads: usize) -> std::io::Result<Runtime> {
    match threads {
        1 => Builder::new_current_thread().enable_all().on_thread_park(yield_now).build(),
        more => Builder::new_multi_thread().worker_threads(more).enable_all().build(),
    }
}

fn block_on(runtime: Runtime, command: Command) -> Result<(), Error> {
    let outcome = runtime.block_on(run::run(command));
    // It would wait for threads, and one may ask for the address of a name for half a minute.
    runtime.shutdown_background();
    outcome
}
