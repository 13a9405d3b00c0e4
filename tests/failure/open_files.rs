//! A low limit of open files: clients cannot take the files that an edge needs for Redis and for `/livez`.

use futures_util::future::join_all;
use testkit::{Client, Output, Process, RawWebsocket, Redis, Service, eventually, http};
use tokio::net::TcpStream;

/// The limit, and what it leaves for clients.
const LIMIT: Output = Output::AfterShell("ulimit -S -n 100; ulimit -H -n 256");
const MAX_CLIENTS: usize = 128;
/// Below the backlog of a listener, beyond which a connection attempt is repeated after seconds.
const WAITING: usize = 50;

#[tokio::test]
async fn full_edge_keeps_files_for_redis_and_livez() {
    let mut redis = Redis::start().await;
    let args = ["--redis", &redis.url(), "--max-connections=1000", "--canary-interval=0"];
    let mut edge = Process::start_with(LIMIT, Service::Edge, &args).await;
    let warning = "--max-connections is 1000, but this process may have only 256 open files";
    eventually("the edge warns", async || edge.log().contains(warning)).await;
    let url = edge.url();
    let clients = join_all((0..MAX_CLIENTS).map(|_| RawWebsocket::open(&url))).await;
    let mut clients: Vec<RawWebsocket> = clients.into_iter().map(Result::unwrap).collect();
    let address = url.strip_prefix("ws://").unwrap();
    let waiting = join_all((0..WAITING).map(|_| TcpStream::connect(address))).await;
    assert!(waiting.iter().all(Result::is_ok));
    let livez = format!("{}/livez", edge.admin_url());
    assert_eq!(http::get(&livez).await.body, "ok");
    redis.restart().await;
    edge.wait_ready().await;
    assert!(!edge.log().contains("failed to accept"), "{}", edge.log());
    drop(waiting);
    clients.truncate(MAX_CLIENTS / 2);
    Client::attached(&url).await;
}
