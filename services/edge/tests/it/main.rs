//! Edges over real websockets, on the memory bus. The test plays the routers and the connectors.
#![allow(clippy::unwrap_used)]

mod bench;
mod calls;
mod canaries;
mod claims;
mod disconnect;
mod ends;
mod floods;
mod heirs;
mod manners;
mod parting;
mod restored;
mod slow;
mod tokens;
