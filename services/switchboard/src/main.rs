//! The executable: one subcommand for each service, `standalone` for all of them in one process, and the
//! operators' tools `calls`, `health`, `load`, `top` and `trace`.

mod calls;
mod format;
mod health;
mod options;
mod process;
mod run;
mod top;
mod trace;

use clap::Parser;
use mimalloc::MiMalloc;
use options::{Command, Options};
use process::Error;
use service::logging;
use std::process::ExitCode;
use std::thread::yield_now;
use tokio::runtime::{Builder, Runtime};

/// Small allocations that live for one message take a tenth of the processor time with mimalloc, and a fifth with
/// the system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let command = match Options::try_parse() {
        Ok(options) => options.command,
        Err(reply) => return print_reply(&reply),
    };
    let code = match runtime(command.threads())
        .map_err(Error::Runtime)
        .and_then(|runtime| execute(runtime, command))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::write_line(&format!("switchboard: {error}"));
            ExitCode::FAILURE
        }
    };
    logging::flush(logging::FLUSH_TIMEOUT);
    code
}

/// Prints what clap replies instead of options: the help on standard output, or an error on standard error.
fn print_reply(reply: &clap::Error) -> ExitCode {
    if reply.use_stderr() {
        logging::write_line(&reply.render().to_string());
        logging::flush(logging::FLUSH_TIMEOUT);
    } else {
        // Fails only if the output is closed.
        let _ = reply.print();
    }
    u8::try_from(reply.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// With one thread, no message is passed between threads, which is faster and cheaper. The thread yields
/// before it parks: on a busy machine it then finds several messages at once and is woken less often.
fn runtime(threads: usize) -> std::io::Result<Runtime> {
    match threads {
        1 => Builder::new_current_thread().enable_all().on_thread_park(yield_now).build(),
        more => Builder::new_multi_thread().worker_threads(more).enable_all().build(),
    }
}

fn execute(runtime: Runtime, command: Command) -> Result<(), Error> {
    let outcome = runtime.block_on(run::run(command));
    // Dropping the runtime would wait for its threads, and a DNS lookup in one of them can take half a
    // minute.
    runtime.shutdown_background();
    outcome
}
