//! `health`: asks another process, usually one in the same container, whether it is ready. It prints what
//! `/readyz` says, and fails when that is not ready, or nobody answers within [`PATIENCE`].

use crate::options::Health;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(2);
/// No more is read of an answer, in bytes.
const MOST: u64 = 64 * 1024;

/// Why no good can be said of the process.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// It says so itself.
    #[error("not ready: {0}")]
    Itself(String),
    /// It does not answer.
    #[error("{address} does not answer: {why}")]
    Silent {
        /// Where it was asked.
        address: String,
        /// What the operating system says.
        why: io::Error,
    },
}

/// Prints that the process is ready.
pub async fn run(options: &Health) -> Result<(), crate::error::Error> {
    println!("{}", ask(&options.admin_listen).await?);
    Ok(())
}

async fn ask(address: &str) -> Result<String, NotReady> {
    let answer = timeout(PATIENCE, exchange(address)).await;
    let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answer.map_err(|why| NotReady::Silent { address: address.to_owned(), why })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(NotReady::Itself(body.to_owned())),
    }
}

/// HTTP/1.0, whose answers end with the connection.
async fn exchange(address: &str) -> io::Result<String> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    socket.take(MOST).read_to_string(&mut answer).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::{CancellationToken, admin};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn it_is_as_ready_as_it_says() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, health) = (listener.local_addr().unwrap().to_string(), service::Health::default());
        tokio::spawn(admin::serve(listener, health.clone(), CancellationToken::new()));
        assert_eq!(ask(&address).await.unwrap(), r#"{"ready":true}"#);
        health.bad("bus", "Redis is away");
        let error = ask(&address).await.unwrap_err().to_string();
        assert_eq!(error, r#"not ready: {"ready":false,"unmet":{"bus":"Redis is away"}}"#);
    }

    #[tokio::test]
    async fn nobody_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = ask(&address).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{address} does not answer: ")), "{error}");
    }
}
