//! Comparing the URLs of Janus servers, which operators, sentinels and proxies write differently.

/// Returns the canonical form of a websocket URL, or `None` for any other text.
///
/// Scheme and host become lower case; the default port and trailing slashes are removed. The path keeps
/// its case.
pub fn normalize_websocket_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "ws" => ":80",
        "wss" => ":443",
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    if host.is_empty() {
        return None;
    }
    let at = if user.is_empty() { "" } else { "@" };
    Some(format!("{scheme}://{user}{at}{host}{}", path.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_urls_have_one_form() {
        for (one, other) in [
            ("ws://janus", "WS://Janus:80/"),
            ("wss://janus.example:443/janus", "wss://JANUS.example/janus/"),
            ("ws://127.0.0.1:8188", "ws://127.0.0.1:8188/"),
            ("ws://[::1]:8188", " ws://[::1]:8188"),
            ("ws://me@janus/", "ws://me@JANUS:80"),
        ] {
            assert!(normalize_websocket_url(one).is_some());
            assert_eq!(normalize_websocket_url(one), normalize_websocket_url(other), "{one} {other}");
        }
    }

    #[test]
    fn different_urls_stay_different() {
        let urls = [
            "ws://a",
            "wss://a",
            "ws://a:81",
            "wss://a:80",
            "ws://b",
            "ws://a/x",
            "ws://a/X",
            "ws://a?x",
            "ws://x@a",
            "ws://[::1]",
            "ws://[::1]:443",
        ];
        for (index, one) in urls.iter().enumerate() {
            for other in &urls[index + 1..] {
                assert_ne!(normalize_websocket_url(one), normalize_websocket_url(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn other_texts_have_none() {
        for url in ["", "hello", "ws://", "ws:///x", "http://a", "//a", "ws:a", "ws://:80"] {
            assert_eq!(normalize_websocket_url(url), None, "{url}");
        }
    }
}
