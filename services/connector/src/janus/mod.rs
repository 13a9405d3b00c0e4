//! The link to one Janus server: a websocket with one or more sessions on it.
//!
//! The link is up or down. It is down, with a [`LinkError`](websocket::LinkError), when the socket
//! breaks, or Janus does not reply, does not read, or ends the newest session. [`reconnect`] then opens
//! the next link.

pub mod connect;
pub mod endpoint;
pub mod link;
pub mod message;
pub mod reconnect;
pub mod websocket;
mod writer;
