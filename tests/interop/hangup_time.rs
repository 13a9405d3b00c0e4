//! How soon a user of Switchboard learns that the other side, a user of janus-cloud, has hung up.

use super::mixed_cluster::{MixedCluster, NamedClient};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// An odd number, so that there is a median.
const CALLS: usize = 5;
/// A pause of 300 ms before the end would exceed it. Without a pause it takes some milliseconds.
const MAX_MEDIAN: Duration = Duration::from_millis(150);

/// How the user of janus-cloud ends the call. Its proxy then tells Janus a reason, or only detaches its handle.
#[derive(Clone, Copy, Debug)]
enum HangupBy {
    PluginRequest,
    Detach,
    Destroy,
    LostSocket,
}

#[tokio::test]
async fn hangup_from_there_is_reported_at_once() {
    let mixed = MixedCluster::start().await;
    let mut here = mixed.registered_here("alice").await;
    for by in [HangupBy::PluginRequest, HangupBy::Detach, HangupBy::Destroy, HangupBy::LostSocket] {
        for calls_here in [true, false] {
            let median = median_time(&mixed, &mut here, by, calls_here).await;
            println!(
                "{by:?} of a user there who is the caller: {calls_here}; reported here after {median:?}"
            );
            assert!(median < MAX_MEDIAN, "{by:?}: the median is {median:?}");
        }
    }
}

/// The time from the hangup there until the client here receives it.
async fn median_time(
    mixed: &MixedCluster,
    here: &mut NamedClient,
    by: HangupBy,
    calls_here: bool,
) -> Duration {
    let mut times = Vec::new();
    for call in 0..CALLS {
        let mut there = mixed.registered_there("bob").await;
        let (caller, callee) = if calls_here { (&mut there, &mut *here) } else { (&mut *here, &mut there) };
        caller.ring(callee).await;
        if call % 2 == 0 {
            caller.expect_accept_by(callee).await;
        }
        let since = Instant::now();
        end(&mut there, by).await;
        here.expect_hangup("bob").await;
        times.push(since.elapsed());
        there.client.drop_socket();
        mixed.expect_all_free(&["alice"]).await;
        here.client.clear_inbox().await;
    }
    times.sort();
    times[CALLS / 2]
}

async fn end(there: &mut NamedClient, by: HangupBy) {
    let message = match by {
        HangupBy::PluginRequest => {
            there.client.post_message(json!({"request": "hangup"}), None).await;
            return;
        }
        HangupBy::LostSocket => return there.client.drop_socket(),
        HangupBy::Detach => there.client.on_handle(json!({"janus": "detach"})),
        HangupBy::Destroy => there.client.on_session(json!({"janus": "destroy"})),
    };
    there.client.post(message).await;
}
