//! Edges over real websockets, on the memory bus. The test plays the routers and the connectors.
#![allow(clippy::unwrap_used)]

mod addresses;
mod calls;
mod canaries;
mod capacity;
mod closing;
mod directory_loss;
mod disconnect;
mod harness;
mod idle;
mod local_claims;
mod rate_limit;
mod session_end;
mod shutdown;
mod slow_client;
mod takeover;
mod tokens;
mod websocket;
mod wrong_secrets;
