//! Fixtures and steps that the cases share.

pub mod sample;
pub mod server;
pub mod steps;

pub use sample::{backend, call, edge, handle, ours, owner, policy, request, saved, texts};
pub use server::RedisServer;
pub use steps::{call_of, calls_of_both, eventually, holder, name_of, place, register, register_now};

/// Makes a test of each case for each store; `threaded` ones run on several threads, in real time.
macro_rules! on_both_stores {
    (threaded $($case:ident)*) => { on_both_stores! { @ (flavor = "multi_thread", worker_threads = 4) $($case)* } };
    (@ ($($how:tt)*) $($case:ident)*) => {
        mod memory {
            on_both_stores! { # ($($how)*) directory::Directory::memory(), $($case)* }
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let server = $crate::support::RedisServer::start();
                super::$case(server.directory().await).await;
            })*
        }
    };
    (# $how:tt $store:expr, $($case:ident)*) => { $(on_both_stores! { ! $how $store, $case })* };
    (! ($($how:tt)*) $store:expr, $case:ident) => {
        #[tokio::test($($how)*)]
        async fn $case() {
            super::$case($store).await;
        }
    };
    ($($case:ident)*) => { on_both_stores! { @ (start_paused = true) $($case)* } };
}
