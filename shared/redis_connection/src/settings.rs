//! Time limits.

use std::time::Duration;

/// The time limits of a [`SharedConnection`](crate::SharedConnection).
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bounds one [`query`](crate::SharedConnection::query), reconnecting included.
    pub query_timeout: Duration,
    /// Bounds one attempt to connect.
    pub connect_timeout: Duration,
    /// Bounds the reply to a command over an open connection.
    pub response_timeout: Duration,
    /// The first pause between two attempts to connect; it doubles each time.
    pub min_retry_delay: Duration,
    /// The longest pause.
    pub max_retry_delay: Duration,
    /// While the connection is down, a command fails at the first failed attempt after this time.
    pub retry_for: Duration,
}
