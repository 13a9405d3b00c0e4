//! The limit of open files of this process (`ulimit -n`), and what it leaves for clients.
//!
//! Every connection is an open file. When none is left, a process can neither answer `/livez` nor connect to Redis
//! again. So connections of clients have a bound below the limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files for everything but the connections of clients: Redis, Janus, timers, certificates.
const RESERVED: u64 = 64;
/// The share of the limit, as a divisor, that the connections of one HTTP server may use.
const HTTP_SHARE: u64 = 8;
/// The most connections of one HTTP server, whatever the limit.
pub const MAX_HTTP_CONNECTIONS: usize = 1_024;
/// HTTP servers of one process: the admin routes, and the rest service of `standalone`.
const HTTP_SERVERS: u64 = 2;

/// Raises the limit as far as the system allows, and returns it; `None` is unlimited.
pub fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    // If this fails, the limit stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    self::limit()
}

/// Returns the limit; `None` is unlimited.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Returns how many connections an HTTP server of this process may have, at most [`MAX_HTTP_CONNECTIONS`].
pub fn max_http_connections() -> usize {
    limit().map_or(MAX_HTTP_CONNECTIONS, |limit| at_most(MAX_HTTP_CONNECTIONS, http_share(limit)))
}

/// Returns how many connections of clients a process with this limit may have besides its HTTP servers, at most
/// `wanted`.
pub fn max_client_connections(wanted: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return wanted };
    let reserved = HTTP_SERVERS * http_share(limit).min(MAX_HTTP_CONNECTIONS as u64) + RESERVED;
    // A very low limit is halved.
    at_most(wanted, limit.saturating_sub(reserved).max(limit / 2))
}

fn http_share(limit: u64) -> u64 {
    (limit / HTTP_SHARE).max(1)
}

fn at_most(wanted: usize, left: u64) -> usize {
    wanted.min(usize::try_from(left).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        assert_eq!(raise_limit(), getrlimit(Resource::Nofile).maximum);
    }

    #[test]
    fn files_are_reserved_for_redis_and_http() {
        for (limit, clients) in
            [(None, 50_000), (Some(1 << 20), 50_000), (Some(20_000), 17_888), (Some(1_024), 704)]
        {
            assert_eq!(max_client_connections(50_000, limit), clients, "{limit:?}");
        }
        assert_eq!(max_client_connections(10, Some(1_024)), 10);
        assert_eq!((max_client_connections(100, Some(64)), max_client_connections(100, Some(0))), (32, 1));
    }
}
