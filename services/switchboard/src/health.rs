//! `health`: checks whether another process is ready, usually one in the same container. It prints the answer
//! of `/readyz`, and fails when the process is not ready or does not answer within [`REQUEST_TIMEOUT`].

use crate::options::HealthArgs;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use service::http_client::{BaseUrl, BaseUrlError, HttpError};
use std::io::{self, Write};
use std::time::Duration;
use tokio::time::timeout;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    #[error("not ready: {0}")]
    NotReady(String),
    #[error("{address} does not answer: {error}")]
    Unreachable { address: String, error: HttpError },
    #[error("{0} does not answer within {secs} s", secs = REQUEST_TIMEOUT.as_secs())]
    Timeout(String),
    #[error("invalid --admin-listen: {0}")]
    Address(#[from] BaseUrlError),
}

/// Prints that the process is ready. The exit code does not depend on whether the output takes it.
pub async fn run(args: &HealthArgs) -> Result<(), HealthError> {
    let answer = check(&args.admin_listen).await?;
    let _ = writeln!(io::stdout(), "{answer}");
    Ok(())
}

async fn check(address: &str) -> Result<String, HealthError> {
    let url = BaseUrl::parse(&format!("http://{address}"))?;
    let (status, body) = timeout(REQUEST_TIMEOUT, get_readyz(&url))
        .await
        .map_err(|_| HealthError::Timeout(address.to_owned()))?
        .map_err(|error| HealthError::Unreachable { address: address.to_owned(), error })?;
    if status == StatusCode::OK { Ok(body) } else { Err(HealthError::NotReady(body)) }
}

async fn get_readyz(url: &BaseUrl) -> Result<(StatusCode, String), HttpError> {
    let request = url.request(Method::GET, "/readyz").body(Empty::<Bytes>::new())?;
    let response = url.send(request).await?;
    let status = response.status;
    let body = response.read_body(MAX_RESPONSE_BYTES).await?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::{CancellationToken, admin};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn readiness_is_that_of_readyz() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, health) = (listener.local_addr().unwrap().to_string(), service::Health::default());
        tokio::spawn(admin::serve(listener, health.clone(), CancellationToken::new()));
        assert_eq!(check(&address).await.unwrap(), r#"{"ready":true}"#);
        health.set_unready("bus", "Redis is down");
        let error = check(&address).await.unwrap_err().to_string();
        assert_eq!(error, r#"not ready: {"ready":false,"unmet":{"bus":"Redis is down"}}"#);
    }

    #[tokio::test]
    async fn missing_process_is_unreachable() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = check(&address).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{address} does not answer: ")), "{error}");
    }
}
