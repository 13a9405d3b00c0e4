//! A Janus dies: its calls end with a reason, those on other servers continue, and it gets calls again when
//! it is back.

use super::cluster::{Fixture, connect, expect_call_end, hang_up, leave, talk};
use super::measure::Since;
use std::time::Duration;
use testkit::{Client, Janus, eventually};

const EVENT: &str = "Janus is killed";
const HANGUP_TIMEOUT: Duration = Duration::from_secs(5);
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Two clients in a call.
struct Pair {
    alice: Client,
    bob: Client,
    callee: String,
    /// Whether the call is on the Janus that is killed.
    on_killed: bool,
}

#[tokio::test]
async fn its_calls_end_and_other_calls_continue() {
    let other = Janus::start().await;
    let mut fixture = Fixture::with(|plan| plan.backend("b", &other)).await;
    fixture.expect_announced("b").await;
    let mut pairs = Vec::new();
    for number in 0..4 {
        pairs.push(pair(&fixture, number).await);
    }
    assert!(pairs.iter().any(|it| it.on_killed) && pairs.iter().any(|it| !it.on_killed), "calls are on both");
    fixture.janus.kill();
    let killed = Since::now(EVENT);
    for Pair { alice, bob, callee, .. } in pairs.iter_mut().filter(|it| it.on_killed) {
        for side in [&mut *alice, &mut *bob] {
            let hangup = side.expect_hangup().await;
            assert!(hangup["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{hangup}");
            expect_call_end(side).await;
        }
        killed.within(HANGUP_TIMEOUT, "both sides of a call receive the hangup");
        alice.clear_inbox().await;
        bob.clear_inbox().await;
        connect(alice, bob, callee).await;
        killed.within(HANGUP_TIMEOUT, "they are in a call again, on another Janus");
    }
    for Pair { alice, bob, .. } in &mut pairs {
        talk(alice, bob).await;
    }
    fixture.janus.restart().await;
    let back = Since::now("Janus is back");
    eventually("it gets calls again", async || {
        for Pair { alice, bob, callee, .. } in &mut pairs {
            hang_up(alice, bob).await;
            alice.clear_inbox().await;
            bob.clear_inbox().await;
            connect(alice, bob, callee).await;
        }
        !fixture.legs().await.is_empty()
    })
    .await;
    back.within(RECOVERY_TIMEOUT, "it gets calls again");
    for Pair { alice, bob, .. } in pairs {
        leave(alice, bob).await;
    }
    fixture.expect_clean().await;
}

async fn pair(fixture: &Fixture, number: usize) -> Pair {
    let before = fixture.legs().await;
    let callee = format!("callee {number}");
    let (alice, bob) = fixture.call(&format!("caller {number}"), &callee).await;
    Pair { alice, bob, callee, on_killed: fixture.legs().await.len() >= before.len() + 2 }
}
