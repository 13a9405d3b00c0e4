//! `health`: asks another process, usually one in the same container, whether it is ready. It prints what
//! `/readyz` says, and fails when that is not ready, or nobody answers within [`PATIENCE`].

use crate::options::HealthArgs;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// No more is read of an answer, in bytes.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

/// Why no good can be said of the process.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// It says so itself.
    #[error("not ready: {0}")]
    NotReady(String),
    /// It does not answer.
    #[error("{address} does not answer: {why}")]
    Unreachable {
        /// Where it was asked.
        address: String,
        /// What the operating system says.
        why: io::Error,
    },
}

/// Prints that the process is ready.
pub async fn run(options: &HealthArgs) -> Result<(), crate::error::Error> {
    println!("{}", check(&options.admin_listen).await?);
    Ok(())
}

async fn check(address: &str) -> Result<String, HealthError> {
    let answer = timeout(REQUEST_TIMEOUT, get_readyz(address)).await;
    let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answer.map_err(|why| HealthError::Unreachable { address: address.to_owned(), why })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(HealthError::NotReady(body.to_owned())),
    }
}

/// HTTP/1.0, whose answers end with the connection.
async fn get_readyz(address: &str) -> io::Result<String> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    socket.take(MAX_RESPONSE_BYTES).read_to_string(&mut answer).await?;
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
        assert_eq!(check(&address).await.unwrap(), r#"{"ready":true}"#);
        health.set_unready("bus", "Redis is away");
        let error = check(&address).await.unwrap_err().to_string();
        assert_eq!(error, r#"not ready: {"ready":false,"unmet":{"bus":"Redis is away"}}"#);
    }

    #[tokio::test]
    async fn nobody_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = check(&address).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{address} does not answer: ")), "{error}");
    }
}
