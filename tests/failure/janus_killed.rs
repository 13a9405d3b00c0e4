//! A Janus dies: the calls on it end with a reason, those on others do not, and when it is back it gets
//! calls again.

use super::house::{FailureCluster, connect, leave, part, talk, told};
use super::measure::Since;
use std::time::Duration;
use testkit::{Client, Janus, eventually};

const EVENT: &str = "Janus is killed";
const TOLD: Duration = Duration::from_secs(5);
const BACK: Duration = Duration::from_secs(10);

/// Two people in a call.
struct Pair {
    alice: Client,
    bob: Client,
    callee: String,
    on_it: bool,
}

#[tokio::test]
async fn its_calls_end_on_both_sides_and_others_go_on() {
    let other = Janus::start().await;
    let mut house = FailureCluster::with(|plan| plan.backend("b", &other)).await;
    house.has("b").await;
    let mut pairs = Vec::new();
    for number in 0..4 {
        pairs.push(pair(&house, number).await);
    }
    assert!(pairs.iter().any(|it| it.on_it) && pairs.iter().any(|it| !it.on_it), "calls are on both");
    house.janus.kill();
    let killed = Since::now(EVENT);
    for Pair { alice, bob, callee, .. } in pairs.iter_mut().filter(|it| it.on_it) {
        for side in [&mut *alice, &mut *bob] {
            let why = side.expect_hangup().await;
            assert!(why["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{why}");
            told(side).await;
        }
        killed.within(TOLD, "both sides of a call are told");
        alice.clear_inbox().await;
        bob.clear_inbox().await;
        connect(alice, bob, callee).await;
        killed.within(TOLD, "they are in a call again, on another Janus");
    }
    for Pair { alice, bob, .. } in &mut pairs {
        talk(alice, bob).await;
    }
    house.janus.restart().await;
    let back = Since::now("Janus is back");
    eventually("it gets calls again", async || {
        for Pair { alice, bob, callee, .. } in &mut pairs {
            part(alice, bob).await;
            alice.clear_inbox().await;
            bob.clear_inbox().await;
            connect(alice, bob, callee).await;
        }
        !house.legs().await.is_empty()
    })
    .await;
    back.within(BACK, "it gets calls again");
    for Pair { alice, bob, .. } in pairs {
        leave(alice, bob).await;
    }
    house.is_clean().await;
}

async fn pair(house: &FailureCluster, number: usize) -> Pair {
    let before = house.legs().await;
    let callee = format!("callee {number}");
    let (alice, bob) = house.call(&format!("caller {number}"), &callee).await;
    Pair { alice, bob, callee, on_it: house.legs().await.len() >= before.len() + 2 }
}
