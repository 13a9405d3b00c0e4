//! The flags of this service. Where it listens is the executable's business: it differs between
//! `rest` (`--listen`) and `standalone` (`--rest-listen`).

use clap::Args;
use service::Secret;
use std::str::FromStr;

/// The edge's usual port.
pub const WEBSOCKET_PORT: u16 = 8188;

/// What the demo page is told, and what operators must show.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// A secret that operators must send to /api/ as `Authorization: Bearer SECRET`; without it only
    /// programs on the same machine may change anything
    #[arg(long, env = "SWITCHBOARD_REST_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub rest_secret: Option<Secret>,

    /// The websocket the demo page connects to; without it, the host the page came from
    #[arg(long, env = "SWITCHBOARD_WEBSOCKET_URL", value_name = "ws[s]://HOST[:PORT]")]
    pub websocket_url: Option<WebsocketUrl>,

    /// The edge's port as browsers see it, for the demo page without --websocket-url
    /// [default: the edge's port in standalone, else 8188]
    #[arg(long, env = "SWITCHBOARD_WEBSOCKET_PORT", value_name = "PORT")]
    pub websocket_port: Option<u16>,
}

/// An address that begins with `ws://` or `wss://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebsocketUrl(String);

/// Not an address of a websocket.
#[derive(Debug, thiserror::Error)]
#[error("a websocket address begins with ws:// or wss:// and names a host")]
pub struct NotAWebsocket;

impl WebsocketUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebsocketUrl {
    type Err = NotAWebsocket;
    fn from_str(text: &str) -> Result<Self, NotAWebsocket> {
        let host = text.strip_prefix("ws://").or_else(|| text.strip_prefix("wss://"));
        match host {
            Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(Self(text.to_owned())),
            _ => Err(NotAWebsocket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_websocket_addresses_are_taken() {
        assert_eq!("wss://a.example/x".parse::<WebsocketUrl>().unwrap().as_str(), "wss://a.example/x");
        for bad in ["", "ws://", "ws:///x", "http://a", "a:8188"] {
            assert!(bad.parse::<WebsocketUrl>().is_err(), "{bad}");
        }
    }
}
