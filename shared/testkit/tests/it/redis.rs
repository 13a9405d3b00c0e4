//! The real Redis: start, end, start again.

use testkit::Redis;
use testkit::redis::RedisConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The raw answers to some commands of the inline protocol.
pub async fn ask(redis: &Redis, commands: &str) -> String {
    let address = redis.url().trim_start_matches("redis://").trim_end_matches('/').to_owned();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(format!("{commands}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).await.unwrap();
    answers
}

#[tokio::test]
async fn it_forgets_when_it_ends() {
    let mut redis = Redis::start().await;
    assert_eq!(ask(&redis, "SET name alice").await, "+OK\r\n+OK\r\n");
    let (url, pid) = (redis.url(), redis.pid());
    redis.restart().await;
    assert_eq!(redis.url(), url);
    assert_ne!(redis.pid(), pid);
    assert_eq!(ask(&redis, "EXISTS name").await, ":0\r\n+OK\r\n");
}

#[tokio::test]
async fn it_remembers_when_told_to() {
    let mut redis = Redis::with(RedisConfig { appendonly: true, ..RedisConfig::default() }).await;
    ask(&redis, "SET name alice").await;
    redis.kill();
    redis.restart().await;
    assert_eq!(ask(&redis, "GET name").await, "$5\r\nalice\r\n+OK\r\n");
}

#[tokio::test]
async fn several_run_side_by_side() {
    let (one, other) = tokio::join!(Redis::start(), Redis::start());
    ask(&one, "SET name alice").await;
    assert_eq!(ask(&other, "EXISTS name").await, ":0\r\n+OK\r\n");
}
