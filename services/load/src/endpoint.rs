//! The addresses that clients connect to.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use tokio_tungstenite::tungstenite::http::Uri;

/// The address of a websocket that speaks the Janus API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Endpoint {
    url: String,
    address: String,
}

/// Why an address is invalid.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEndpoint {
    /// The scheme is not `ws`, or there is no host.
    #[error("an address looks like ws://HOST:PORT")]
    NotAWebsocket,
    /// The scheme is `wss`.
    #[error("wss:// is not supported: connect behind the proxy that terminates TLS")]
    Encrypted,
}

impl Endpoint {
    /// The URL as given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns `HOST:PORT`, which TCP connects to.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let uri: Uri = text.parse().map_err(|_| InvalidEndpoint::NotAWebsocket)?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => return Err(InvalidEndpoint::Encrypted),
            _ => return Err(InvalidEndpoint::NotAWebsocket),
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(InvalidEndpoint::NotAWebsocket)?;
        let address = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        Ok(Self { url: text.to_owned(), address })
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_a_host_and_a_port() {
        for (url, address) in [
            ("ws://127.0.0.1:8188", "127.0.0.1:8188"),
            ("ws://janus/path", "janus:80"),
            ("ws://[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(url.parse::<Endpoint>().unwrap().address(), address);
        }
        for (url, wanted) in [
            ("wss://janus:8989", "wss:// is not supported"),
            ("http://janus", "ws://HOST:PORT"),
            ("janus:8188", "ws://HOST:PORT"),
            ("", "ws://HOST:PORT"),
        ] {
            let error = url.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(wanted), "{url}: {error}");
        }
    }
}
