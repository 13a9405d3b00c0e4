//! The addresses of Redis that operators write: one server, or the Sentinels that know the master.

use crate::tcp::tcp_settings;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

/// The port of a Sentinel without one in its address.
const SENTINEL_PORT: u16 = 26_379;

/// What an address names.
pub(crate) enum Address {
    Server(ConnectionInfo),
    Sentinels(Sentinels),
}

/// Sentinels, and the master that they are asked for.
pub(crate) struct Sentinels {
    pub hosts: Vec<(String, u16)>,
    /// The name of the master in the configuration of the Sentinels.
    pub master: String,
    /// User, secret and database of the master.
    pub login: RedisConnectionInfo,
    pub is_tls: bool,
}

/// An address has another form than those of [`ServerConfig::url`](crate::ServerConfig::url). The text does not repeat
/// the address, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No known form.
    #[error(
        "expected redis[s]://[USER:SECRET@]HOST[:PORT][/DB] or redis[s]+sentinel://[USER:SECRET@]HOST[:PORT],.../MASTER[/DB]"
    )]
    Form,
    /// Sentinels without the name of a master.
    #[error("the name of the master is missing, as in redis+sentinel://HOST:26379/mymaster")]
    NoMaster,
    /// The address of a cluster.
    #[error("Redis Cluster is not supported: use one server, or Sentinel")]
    Cluster,
}

/// Returns whether the address has TLS for the connections to Redis.
pub(crate) fn is_tls(url: &str) -> bool {
    scheme(url).0.starts_with("rediss")
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        match scheme(url) {
            ("redis" | "rediss", rest) => parse_server(url, rest).map(Self::Server),
            (scheme @ ("redis+sentinel" | "rediss+sentinel"), rest) => {
                parse_sentinels(rest, scheme == "rediss+sentinel").map(Self::Sentinels)
            }
            ("redis+cluster" | "rediss+cluster", _) => Err(AddressError::Cluster),
            _ => Err(AddressError::Form),
        }
    }

    /// Sets the password, if there is none.
    pub(crate) fn with_password(self, password: &str) -> Self {
        let add = |login: &RedisConnectionInfo| match login.password() {
            Some(_) => login.clone(),
            None => login.clone().set_password(password),
        };
        match self {
            Self::Server(info) => {
                let login = add(info.redis_settings());
                Self::Server(info.set_redis_settings(login))
            }
            Self::Sentinels(sentinels) => {
                let login = add(&sentinels.login);
                Self::Sentinels(Sentinels { login, ..sentinels })
            }
        }
    }
}

fn scheme(url: &str) -> (&str, &str) {
    url.split_once("://").unwrap_or(("", url))
}

fn parse_server(url: &str, rest: &str) -> Result<ConnectionInfo, AddressError> {
    let (_, address) = split_login(rest);
    host_and_port(address.split('/').next().unwrap_or_default(), 6_379).ok_or(AddressError::Form)?;
    let info = url.into_connection_info().map_err(|_| AddressError::Form)?;
    match info.addr() {
        ConnectionAddr::Tcp(..) | ConnectionAddr::TcpTls { .. } => Ok(info.set_tcp_settings(tcp_settings())),
        _ => Err(AddressError::Form),
    }
}

fn parse_sentinels(rest: &str, is_tls: bool) -> Result<Sentinels, AddressError> {
    let (login, address) = split_login(rest);
    let (hosts, path) = address.split_once('/').unwrap_or((address, ""));
    let hosts: Option<Vec<_>> = hosts.split(',').map(|host| host_and_port(host, SENTINEL_PORT)).collect();
    let hosts = hosts.ok_or(AddressError::Form)?;
    let (master, database) = path.split_once('/').unwrap_or((path, ""));
    if master.is_empty() {
        return Err(AddressError::NoMaster);
    }
    if !database.is_empty() && database.parse::<u32>().is_err() {
        return Err(AddressError::Form);
    }
    // Parsed by the same rules as the address of a server.
    let as_server = format!("redis://{login}host/{database}");
    let info = as_server.as_str().into_connection_info().map_err(|_| AddressError::Form)?;
    Ok(Sentinels { hosts, master: master.to_owned(), login: info.redis_settings().clone(), is_tls })
}

/// Splits `USER:SECRET@ADDRESS` behind the `@`.
fn split_login(rest: &str) -> (&str, &str) {
    rest.split_at(rest.rfind('@').map_or(0, |at| at + 1))
}

/// Parses `HOST[:PORT]`; the host may be an IPv6 address in brackets, which the result does not have.
fn host_and_port(text: &str, default_port: u16) -> Option<(String, u16)> {
    let end_of_host =
        if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
    let (host, port) = text.split_at(end_of_host);
    let port = if port.is_empty() { default_port } else { port.strip_prefix(':')?.parse().ok()? };
    let host = host.strip_prefix('[').map_or(host, |host| host.trim_end_matches(']'));
    (!host.is_empty() && !host.contains(',') && port != 0).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentinels(url: &str) -> Sentinels {
        match Address::parse(url) {
            Ok(Address::Sentinels(sentinels)) => sentinels,
            Ok(Address::Server(_)) => panic!("{url}: a server"),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    #[test]
    fn addresses_of_servers() {
        for good in [
            "redis://h",
            "redis://h:1/0",
            "redis://u:p@h:6379",
            "redis://:p%40ss@h",
            "redis://[::1]:6379/1",
            "redis://[::1]",
            "rediss://h",
        ] {
            assert!(matches!(Address::parse(good), Ok(Address::Server(_))), "{good}");
        }
        for bad in [
            "",
            "h:6379",
            "http://h",
            "redis://",
            "redis://u:p@",
            "redis://h:x",
            "redis://h:0",
            "redis://[::1",
            "redis://h:1:2",
            "redis://h/x",
            "unix:///socket",
            "redis+unix:///socket",
            "redis://a,b",
        ] {
            assert!(matches!(Address::parse(bad), Err(AddressError::Form)), "{bad}");
        }
    }

    #[test]
    fn a_password_is_added_where_none_is() {
        let login = |url: &str| match Address::parse(url).unwrap().with_password("p@ss/wo:rd%") {
            Address::Server(info) => info.redis_settings().clone(),
            Address::Sentinels(sentinels) => sentinels.login,
        };
        for url in ["redis://user@h", "rediss+sentinel://user@h/m"] {
            let login = login(url);
            assert_eq!((login.username(), login.password()), (Some("user"), Some("p@ss/wo:rd%")));
        }
        assert_eq!(login("redis://user:other@h").password(), Some("other"));
    }

    #[test]
    fn addresses_of_sentinels() {
        let found = sentinels("rediss+sentinel://user:p%40ss@one,two:5000,[::1]:7/mymaster/3");
        let host = |name: &str, port| (name.to_owned(), port);
        assert_eq!(found.hosts, [host("one", 26_379), host("two", 5_000), host("::1", 7)]);
        assert_eq!((found.master.as_str(), found.is_tls, found.login.db()), ("mymaster", true, 3));
        assert_eq!((found.login.username(), found.login.password()), (Some("user"), Some("p@ss")));
        let plain = sentinels("redis+sentinel://one/m");
        assert_eq!((plain.is_tls, plain.login.password(), plain.login.db()), (false, None, 0));
        for (bad, error) in [
            ("redis+sentinel://one", AddressError::NoMaster),
            ("redis+sentinel://one/", AddressError::NoMaster),
            ("redis+sentinel:///m", AddressError::Form),
            ("redis+sentinel://one,/m", AddressError::Form),
            ("redis+sentinel://one:x/m", AddressError::Form),
            ("redis+sentinel://one/m/x", AddressError::Form),
            ("redis+cluster://one", AddressError::Cluster),
        ] {
            assert_eq!(Address::parse(bad).err(), Some(error), "{bad}");
        }
    }
}
