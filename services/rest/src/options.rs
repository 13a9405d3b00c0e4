//! The flags of this service. The listen address is a flag of the executable, since `rest` (`--listen`) and
//! `standalone` (`--rest-listen`) name it differently.

use crate::addresses::{ProxyUrl, WebsocketUrl};
use clap::Args;
use service::network::Cidr;
use service::options::{CanaryOptions, OriginOptions};
use service::secret::{SecretFileError, WeakSecret, load_or_create};
use service::web_origin::AllowedHost;
use service::{Secret, TrustedProxies};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The default port of an edge.
pub const WEBSOCKET_PORT: u16 = 8188;

#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Secret of operators, sent to /api/ as `Authorization: Bearer SECRET`; without it HTTP is served on
    /// loopback addresses only
    #[arg(long, env = "SWITCHBOARD_REST_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub rest_secret: Option<Secret>,

    /// File with this secret; a missing file is created with a random secret. --rest-secret takes precedence
    #[arg(long, env = "SWITCHBOARD_REST_SECRET_FILE", value_name = "FILE")]
    pub rest_secret_file: Option<PathBuf>,

    /// Secret with which a Janus server may drain and undrain itself, and do nothing else; its own address must be
    /// that of the server
    #[arg(long, env = "SWITCHBOARD_DRAIN_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub drain_secret: Option<Secret>,

    /// File with this secret; a missing file is created with a random secret. --drain-secret takes precedence
    #[arg(long, env = "SWITCHBOARD_DRAIN_SECRET_FILE", value_name = "FILE")]
    pub drain_secret_file: Option<PathBuf>,

    /// Name by which HTTP is served without a secret, as in the Host header, besides addresses and localhost; may be
    /// repeated or comma-separated; * for any. With --rest-secret the API is served by every name
    #[arg(long, env = "SWITCHBOARD_ALLOW_HOST", value_name = "NAME", value_delimiter = ',')]
    pub allow_host: Vec<AllowedHost>,

    #[command(flatten)]
    pub origins: OriginOptions,

    /// Websocket URL of the demo page [default: --websocket-port of the page's host]
    #[arg(long, env = "SWITCHBOARD_WEBSOCKET_URL", value_name = "ws[s]://HOST[:PORT]")]
    pub websocket_url: Option<WebsocketUrl>,

    /// The edge's port as seen by browsers, for the demo page
    /// [default: the edge's port in standalone, else 8188]
    #[arg(long, env = "SWITCHBOARD_WEBSOCKET_PORT", value_name = "PORT")]
    pub websocket_port: Option<u16>,

    /// Network whose janus-cloud proxies may call users here, and whose sentinels may announce Janus servers,
    /// without a secret: an address, or a range like 10.0.0.0/8; may be repeated or comma-separated [default:
    /// loopback for proxies; loopback for sentinels too, unless there is a --rest-secret]
    #[arg(long, env = "SWITCHBOARD_PROXY_ALLOW", value_name = "CIDR", value_delimiter = ',')]
    pub proxy_allow: Vec<Cidr>,

    /// URL of this cluster's rest services for janus-cloud's proxies [default: the address HTTP is served on;
    /// if that is unspecified, the outgoing address of this machine]
    #[arg(long, env = "SWITCHBOARD_PROXY_URL", value_name = "http[s]://HOST[:PORT][/PATH]")]
    pub proxy_url: Option<ProxyUrl>,

    #[command(flatten)]
    pub trusted_proxies: TrustedProxies,

    #[command(flatten)]
    pub canary: CanaryOptions,
}

/// HTTP would be served to other machines without a secret that keeps them out.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    #[error(
        "HTTP is not served on {0} without a secret: set --rest-secret (SWITCHBOARD_REST_SECRET), or listen on 127.0.0.1"
    )]
    SecretRequired(SocketAddr),
    #[error(transparent)]
    WeakSecret(#[from] WeakSecret),
}

impl Options {
    /// Reads each secret from its file, unless it is set itself or there is no file option.
    ///
    /// # Errors
    /// When a file can be neither read nor created.
    pub fn with_secrets(mut self) -> Result<Self, SecretFileError> {
        if let (None, Some(file)) = (&self.rest_secret, &self.rest_secret_file) {
            self.rest_secret = Some(load_or_create(file)?);
        }
        if let (None, Some(file)) = (&self.drain_secret, &self.drain_secret_file) {
            self.drain_secret = Some(load_or_create(file)?);
        }
        Ok(self)
    }

    /// Checks that HTTP may be served on this address.
    ///
    /// # Errors
    /// When it is not a loopback address, and there is no secret, an empty one, or one that is guessed soon.
    pub fn check_address(&self, address: SocketAddr) -> Result<(), AddressError> {
        let secret = self.rest_secret.as_ref().filter(|secret| !secret.reveal().is_empty());
        match secret {
            Some(secret) => secret.check_strength("--rest-secret", address)?,
            None if address.ip().to_canonical().is_loopback() => {}
            None => return Err(AddressError::SecretRequired(address)),
        }
        if let Some(drain_secret) = &self.drain_secret {
            drain_secret.check_strength("--drain-secret", address)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_secret_only_loopback_is_served() {
        let is_allowed = |secret: Option<&str>, address: &str| {
            let rest_secret = secret.map(Secret::from);
            Options { rest_secret, ..Options::default() }.check_address(address.parse().unwrap()).is_ok()
        };
        for loopback in ["127.0.0.1:80", "127.1.1.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert!(is_allowed(None, loopback) && is_allowed(Some("x"), loopback), "{loopback}");
        }
        for open in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[::ffff:0.0.0.0]:80"] {
            assert!(!is_allowed(None, open) && is_allowed(Some("long and random"), open), "{open}");
            assert!(!is_allowed(Some(""), open), "{open}: an empty variable is not a secret");
            assert!(!is_allowed(Some("x"), open), "{open}: a secret of one letter is guessed");
        }
    }
}
