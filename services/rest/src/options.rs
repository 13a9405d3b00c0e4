//! The flags of this service. Where it listens is the executable's business: it differs between
//! `rest` (`--listen`) and `standalone` (`--rest-listen`); without a secret it must be this machine.

use crate::peers::Cidr;
use clap::Args;
use service::Secret;
use service::options::CanaryOptions;
use service::secret::{SecretFileError, load_or_create};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The edge's usual port.
pub const WEBSOCKET_PORT: u16 = 8188;

/// What the demo page is told, and what operators must show.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// A secret that operators must send to /api/ as `Authorization: Bearer SECRET`; without it HTTP is
    /// served on loopback addresses only, so set it to open the demo page or the API to other machines
    #[arg(long, env = "SWITCHBOARD_REST_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub rest_secret: Option<Secret>,

    /// A file that holds this secret; where there is none, it is made, with a random secret. --rest-secret
    /// wins over it
    #[arg(long, env = "SWITCHBOARD_REST_SECRET_FILE", value_name = "FILE")]
    pub rest_secret_file: Option<PathBuf>,

    /// The websocket the demo page connects to; without it, the host the page came from
    #[arg(long, env = "SWITCHBOARD_WEBSOCKET_URL", value_name = "ws[s]://HOST[:PORT]")]
    pub websocket_url: Option<WebsocketUrl>,

    /// The edge's port as browsers see it, for the demo page without --websocket-url
    /// [default: the edge's port in standalone, else 8188]
    #[arg(long, env = "SWITCHBOARD_WEBSOCKET_PORT", value_name = "PORT")]
    pub websocket_port: Option<u16>,

    /// A network whose janus-cloud proxies may call users here, and whose sentinels may announce Janus
    /// servers, without a secret: an address, or a range as 10.0.0.0/8; may be repeated, or a list with
    /// commas [default: this machine; with --rest-secret for its proxies, not for its sentinels]
    #[arg(long, env = "SWITCHBOARD_PEER_ALLOW", value_name = "CIDR", value_delimiter = ',')]
    pub proxy_allow: Vec<Cidr>,

    /// Where janus-cloud's proxies reach this cluster's rest services [default: the address HTTP is
    /// served on, with this machine's outgoing address for all addresses]
    #[arg(long, env = "SWITCHBOARD_PEER_URL", value_name = "http[s]://HOST[:PORT][/PATH]")]
    pub proxy_url: Option<ProxyUrl>,

    /// For the roads that calls with janus-cloud's users take.
    #[command(flatten)]
    pub canary: CanaryOptions,
}

/// HTTP is to be served where others can reach it, and nothing keeps them out.
#[derive(Debug, thiserror::Error)]
#[error(
    "HTTP is not served on {0} without a secret: set --rest-secret (SWITCHBOARD_REST_SECRET), or listen on 127.0.0.1"
)]
pub struct SecretRequired(SocketAddr);

impl Options {
    /// The same with the secret of the file, if there is one and no other secret.
    ///
    /// # Errors
    /// When there is a file that is of no use.
    pub fn with_secret(mut self) -> Result<Self, SecretFileError> {
        if let (None, Some(file)) = (&self.rest_secret, &self.rest_secret_file) {
            self.rest_secret = Some(load_or_create(file)?);
        }
        Ok(self)
    }

    /// Whether HTTP may be served on this address.
    ///
    /// # Errors
    /// When it is not this machine's alone and there is no secret, or an empty one.
    pub fn check_address(&self, address: SocketAddr) -> Result<(), SecretRequired> {
        let is_guarded = self.rest_secret.as_ref().is_some_and(|secret| !secret.reveal().is_empty());
        match is_guarded || address.ip().to_canonical().is_loopback() {
            true => Ok(()),
            false => Err(SecretRequired(address)),
        }
    }
}

/// What peers are told as our `api_base_url`; names of users follow after a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUrl(String);

/// Not an address that a proxy could post to.
#[derive(Debug, thiserror::Error)]
#[error("a peer's address begins with http:// or https://, names a host, and has no query")]
pub struct InvalidProxyUrl;

impl ProxyUrl {
    /// Where the route for peers is, without the name of the user.
    pub const DEFAULT_PATH: &'static str = "/plugins/videocall";

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProxyUrl {
    type Err = InvalidProxyUrl;

    /// One without a path gets ours.
    fn from_str(text: &str) -> Result<Self, InvalidProxyUrl> {
        let text = text.trim_end_matches('/');
        let place = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let place = place.ok_or(InvalidProxyUrl)?;
        let is_odd = |it: char| it.is_whitespace() || it.is_control() || "?#@".contains(it);
        if place.is_empty() || place.starts_with(['/', ':']) || place.contains(is_odd) {
            return Err(InvalidProxyUrl);
        }
        let path = if place.contains('/') { "" } else { Self::DEFAULT_PATH };
        Ok(Self(format!("{text}{path}")))
    }
}

/// An address that begins with `ws://` or `wss://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebsocketUrl(String);

/// Not an address of a websocket.
#[derive(Debug, thiserror::Error)]
#[error("a websocket address begins with ws:// or wss:// and names a host")]
pub struct InvalidWebsocketUrl;

impl WebsocketUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebsocketUrl {
    type Err = InvalidWebsocketUrl;
    fn from_str(text: &str) -> Result<Self, InvalidWebsocketUrl> {
        let host = text.strip_prefix("ws://").or_else(|| text.strip_prefix("wss://"));
        match host {
            Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(Self(text.to_owned())),
            _ => Err(InvalidWebsocketUrl),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_secret_only_this_machine_is_served() {
        let allowed = |secret: Option<&str>, address: &str| {
            let rest_secret = secret.map(Secret::from);
            Options { rest_secret, ..Options::default() }.check_address(address.parse().unwrap()).is_ok()
        };
        for here in ["127.0.0.1:80", "127.1.1.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert!(allowed(None, here) && allowed(Some("x"), here), "{here}");
        }
        for open in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[::ffff:0.0.0.0]:80"] {
            assert!(!allowed(None, open) && allowed(Some("x"), open), "{open}");
            assert!(!allowed(Some(""), open), "{open}: an empty variable is no secret");
        }
    }

    #[test]
    fn peers_are_told_an_address_to_post_to() {
        let told = |text: &str| text.parse::<ProxyUrl>().map(|url| url.as_str().to_owned()).ok();
        for (given, url) in [
            ("http://h", "http://h/plugins/videocall"),
            ("http://h:80/", "http://h:80/plugins/videocall"),
            ("https://[::1]:80/a/b/", "https://[::1]:80/a/b"),
        ] {
            assert_eq!(told(given).as_deref(), Some(url));
        }
        for bad in [
            "",
            "h:80",
            "ftp://h",
            "http://",
            "http:///x",
            "http://:80",
            "http://h?x",
            "http://u:p@h",
            "http://h x",
        ] {
            assert_eq!(told(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_websocket_addresses_are_taken() {
        assert_eq!("wss://a.example/x".parse::<WebsocketUrl>().unwrap().as_str(), "wss://a.example/x");
        for bad in ["", "ws://", "ws:///x", "http://a", "a:8188"] {
            assert!(bad.parse::<WebsocketUrl>().is_err(), "{bad}");
        }
    }
}
