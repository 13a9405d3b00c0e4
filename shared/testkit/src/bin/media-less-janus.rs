//! A Janus without media: `media-less-janus --listen 127.0.0.1:8188`. Runs until it is killed.

use std::future::pending;
use std::net::SocketAddr;
use std::process::ExitCode;
use testkit::FakeJanus;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

const USAGE: &str = "usage: media-less-janus --listen ADDRESS:PORT";

fn main() -> ExitCode {
    let Err(error) = address().and_then(run);
    eprintln!("media-less-janus: {error}");
    ExitCode::FAILURE
}

fn address() -> Result<SocketAddr, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [option, address] if option == "--listen" => {
            address.parse().map_err(|error| format!("{address}: {error}"))
        }
        _ => Err(USAGE.to_owned()),
    }
}

/// Serves on one thread: handing its small tasks to another thread would cost more than it gains.
fn run(address: SocketAddr) -> Result<std::convert::Infallible, String> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
        let _fake = FakeJanus::without_history(listener);
        pending().await
    })
}
