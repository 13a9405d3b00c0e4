//! One suite for both buses, and what only a real Redis can be asked.
//!
//! Each case is a function of a bus; [`on_both`] makes a test of it on the memory bus, in paused
//! time, and one on a Redis server of its own.

#![allow(clippy::unwrap_used, missing_docs)]

mod absence;
mod bodies;
mod connections;
mod limits;
mod logs;
mod mailbox;
mod marks;
mod notices;
mod peeks;
mod queue;
mod recovery;
mod redis_server;
mod roads;
mod support;
mod unreadable;

/// Makes tests `memory::CASE` and `redis::CASE`.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(start_paused = true)]
            async fn $case() {
                super::$case(bus::Bus::memory()).await;
            })*
        }

        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let server = crate::redis_server::Server::start();
                super::$case(server.bus().await).await;
            })*
        }
    };
}
pub(crate) use on_both;
