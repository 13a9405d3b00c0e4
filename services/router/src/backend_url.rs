//! When two URLs of backends are the same: pure. Peers, sentinels and operators each write them their way.

/// A websocket URL with scheme and host in lower case, without the port that goes without saying and
/// without a trailing slash; none for what is no such URL.
pub fn normalize(url: &str) -> Option<String> {
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
    fn the_same_url_is_written_in_many_ways() {
        for (one, other) in [
            ("ws://janus", "WS://Janus:80/"),
            ("wss://janus.example:443/janus", "wss://JANUS.example/janus/"),
            ("ws://127.0.0.1:8188", "ws://127.0.0.1:8188/"),
            ("ws://[::1]:8188", " ws://[::1]:8188"),
            ("ws://me@janus/", "ws://me@JANUS:80"),
        ] {
            assert!(normalize(one).is_some());
            assert_eq!(normalize(one), normalize(other), "{one} {other}");
        }
    }

    #[test]
    fn others_are_not_the_same() {
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
        for (place, one) in urls.iter().enumerate() {
            for other in &urls[place + 1..] {
                assert_ne!(normalize(one), normalize(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn what_is_no_websocket_url_is_none() {
        for url in ["", "hello", "ws://", "ws:///x", "http://a", "//a", "ws:a", "ws://:80"] {
            assert_eq!(normalize(url), None, "{url}");
        }
    }
}
