//! A minimal HTTP client for local services: one request per connection.

use crate::wait::DEADLINE;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Gets `http://HOST:PORT/PATH`; panics without a response.
pub async fn get(url: &str) -> Response {
    send("GET", url, "").await.unwrap_or_else(|error| panic!("GET {url}: {error}"))
}

/// Posts JSON to `http://HOST:PORT/PATH`; panics without a response.
pub async fn post(url: &str, json: &str) -> Response {
    send("POST", url, json).await.unwrap_or_else(|error| panic!("POST {url}: {error}"))
}

/// Sends a request with a JSON body, if not empty.
pub async fn send(method: &str, url: &str, json: &str) -> io::Result<Response> {
    send_as("", method, url, json).await
}

/// Sends a request with a JSON body and a bearer token, each if not empty.
pub async fn send_as(secret: &str, method: &str, url: &str, json: &str) -> io::Result<Response> {
    timeout(DEADLINE, exchange(secret, method, url, json)).await?
}

async fn exchange(secret: &str, method: &str, url: &str, json: &str) -> io::Result<Response> {
    let (host, path) = split(url);
    let mut socket = TcpStream::connect(host).await?;
    socket.write_all(request(secret, method, host, path, json).as_bytes()).await?;
    let mut response = Vec::new();
    socket.read_to_end(&mut response).await?;
    parse(&String::from_utf8_lossy(&response)).ok_or_else(|| io::Error::other("not an HTTP response"))
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url} does not begin with http://"));
    rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash))
}

/// HTTP/1.0: the server closes the connection after the response and does not chunk it.
fn request(secret: &str, method: &str, host: &str, path: &str, json: &str) -> String {
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\n");
    if !secret.is_empty() {
        head += &format!("Authorization: Bearer {secret}\r\n");
    }
    if !json.is_empty() {
        head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", json.len());
    }
    format!("{head}\r\n{json}")
}

fn parse(response: &str) -> Option<Response> {
    let (head, body) = response.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Response { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_host_and_path() {
        assert_eq!(split("http://127.0.0.1:80/readyz?full"), ("127.0.0.1:80", "/readyz?full"));
        assert_eq!(split("http://127.0.0.1:80"), ("127.0.0.1:80", "/"));
    }

    #[test]
    fn a_response_is_parsed() {
        let response = "HTTP/1.0 503 Service Unavailable\r\ncontent-length: 5\r\n\r\nredis";
        assert_eq!(parse(response), Some(Response { status: 503, body: "redis".to_owned() }));
        assert_eq!(parse("what?"), None);
    }
}
