//! The real Redis: start, end, restart.

use testkit::Redis;
use testkit::redis::RedisConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Returns the raw replies to commands of the inline protocol.
pub async fn run(redis: &Redis, commands: &str) -> String {
    let address = redis.url().trim_start_matches("redis://").trim_end_matches('/').to_owned();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(format!("{commands}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut replies = String::new();
    socket.read_to_string(&mut replies).await.unwrap();
    replies
}

#[tokio::test]
async fn it_is_empty_after_a_restart() {
    let mut redis = Redis::start().await;
    assert_eq!(run(&redis, "SET name alice").await, "+OK\r\n+OK\r\n");
    let (url, pid) = (redis.url(), redis.pid());
    redis.restart().await;
    assert_eq!(redis.url(), url);
    assert_ne!(redis.pid(), pid);
    assert_eq!(run(&redis, "EXISTS name").await, ":0\r\n+OK\r\n");
}

#[tokio::test]
async fn it_persists_when_configured() {
    let mut redis = Redis::with(RedisConfig { appendonly: true, ..RedisConfig::default() }).await;
    run(&redis, "SET name alice").await;
    redis.kill();
    redis.restart().await;
    assert_eq!(run(&redis, "GET name").await, "$5\r\nalice\r\n+OK\r\n");
}

#[tokio::test]
async fn several_run_side_by_side() {
    let (one, other) = tokio::join!(Redis::start(), Redis::start());
    run(&one, "SET name alice").await;
    assert_eq!(run(&other, "EXISTS name").await, ":0\r\n+OK\r\n");
}
