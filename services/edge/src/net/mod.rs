//! From a TCP connection to websocket frames, and back.

pub mod handshake;
pub mod json_style;
pub mod listener;
pub mod output;
pub mod rate_limit;
pub mod socket;
pub mod tls;
pub mod transport;
