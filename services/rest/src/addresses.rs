//! The types of address options: URLs.

use std::str::FromStr;

/// The `api_base_url` that this cluster announces to janus-cloud's proxies; they append a slash and a username.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUrl(String);

#[derive(Debug, thiserror::Error)]
#[error("the URL begins with http:// or https://, names a host, and has no query")]
pub struct InvalidProxyUrl;

impl ProxyUrl {
    /// The path of the route for proxies, without the username.
    pub const DEFAULT_PATH: &'static str = "/plugins/videocall";

    /// Returns the URL, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProxyUrl {
    type Err = InvalidProxyUrl;

    /// A URL without a path gets [`DEFAULT_PATH`](Self::DEFAULT_PATH).
    fn from_str(text: &str) -> Result<Self, InvalidProxyUrl> {
        let text = text.trim_end_matches('/');
        let address = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let address = address.ok_or(InvalidProxyUrl)?;
        let is_forbidden = |it: char| it.is_whitespace() || it.is_control() || "?#@".contains(it);
        if address.is_empty() || address.starts_with(['/', ':']) || address.contains(is_forbidden) {
            return Err(InvalidProxyUrl);
        }
        let path = if address.contains('/') { "" } else { Self::DEFAULT_PATH };
        Ok(Self(format!("{text}{path}")))
    }
}

/// A URL that begins with `ws://` or `wss://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebsocketUrl(String);

#[derive(Debug, thiserror::Error)]
#[error("a websocket URL begins with ws:// or wss:// and names a host")]
pub struct InvalidWebsocketUrl;

impl WebsocketUrl {
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
    fn proxy_url_is_one_that_a_proxy_can_post_to() {
        let parse = |text: &str| text.parse::<ProxyUrl>().map(|url| url.as_str().to_owned()).ok();
        for (given, url) in [
            ("http://h", "http://h/plugins/videocall"),
            ("http://h:80/", "http://h:80/plugins/videocall"),
            ("https://[::1]:80/a/b/", "https://[::1]:80/a/b"),
        ] {
            assert_eq!(parse(given).as_deref(), Some(url));
        }
        for invalid in [
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
            assert_eq!(parse(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn websocket_url_needs_its_scheme_and_a_host() {
        assert_eq!("wss://a.example/x".parse::<WebsocketUrl>().unwrap().as_str(), "wss://a.example/x");
        for invalid in ["", "ws://", "ws:///x", "http://a", "a:8188"] {
            assert!(invalid.parse::<WebsocketUrl>().is_err(), "{invalid}");
        }
    }
}
