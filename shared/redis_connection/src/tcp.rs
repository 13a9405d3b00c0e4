//! The settings of TCP connections to Redis and to Sentinels.

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use std::time::Duration;

/// A connection breaks when the server's host has acknowledged nothing for this long.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(TCP_USER_TIMEOUT / 2).with_interval(Duration::from_secs(1));
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(TCP_USER_TIMEOUT);
    settings
}
