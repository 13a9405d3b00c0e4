//! However a call ends, both sides hear it once, with the right name and reason.

use super::*;

const BOTH_DETACHED: [&str; 3] = ["janus 11 detach", "janus 12 detach", "end"];

fn ends_with(heard: &[String], told: &[&str]) {
    let expected: Vec<&str> = BOTH_DETACHED.iter().chain(told).copied().collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_hangup_is_answered_and_its_reason_is_shown_to_the_peer() {
    for (mut bench, side, body, told) in [
        (
            ringing(),
            Side::Callee,
            json!({"request": "hangup"}),
            [
                "alice left: hangup(bob, We did the hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
                "bob! left: t/hangup(bob, Explicit hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
                "log ended (hangup by callee)",
            ],
        ),
        (
            ringing(),
            Side::Caller,
            json!({"request": "HANGUP", "reason": 5}),
            [
                "bob left: hangup(alice, We did the hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
                "alice! left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
                "log ended (hangup by caller)",
            ],
        ),
        (
            talking(),
            Side::Callee,
            json!({"request": "hangup", "reason": "tired"}),
            [
                "alice left: hangup(bob, tired), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
                "bob! left: t/hangup(bob, Explicit hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
                "log ended (tired)",
            ],
        ),
    ] {
        ends_with(&bench.asks(side, body, None), &told);
        bench.is_clean();
    }
}

#[test]
fn a_core_hangup_ends_the_call_for_both() {
    for mut bench in [ringing(), talking()] {
        let told = [
            "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "alice left: core hangup(Janus API), hangup(bob, Remote WebRTC hangup)",
            "log ended (core hangup by caller)",
        ];
        ends_with(&bench.hangs_up_core(Side::Caller), &told);
        assert_eq!(bench.hangs_up_core(Side::Callee), [""; 0]);
        bench.is_clean();
    }
}

#[test]
fn a_side_that_is_gone_is_told_nothing_but_that_it_has_left() {
    for mut bench in [ringing(), talking()] {
        let told = [
            "alice left: hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
            "bob left: ",
            "log ended (callee is gone)",
        ];
        ends_with(&bench.is_gone(Side::Callee), &told);
        bench.is_clean();
    }
}

#[test]
fn a_handle_that_janus_takes_away_ends_the_call() {
    let mut bench = talking();
    let reason = "The media server closed the connection";
    let heard = bench.core(BOB, "detached");
    assert_eq!(heard[3], format!("alice left: hangup(bob, {reason}), core hangup({reason})"));
    assert_eq!(heard[4], format!("bob left: hangup(alice, {reason}), core hangup({reason})"));
    bench.is_clean();
}

#[test]
fn a_lost_peer_connection_ends_the_call_once_in_whatever_order_janus_says_so() {
    type Step = fn(&mut Bench) -> Vec<String>;
    let steps: [Step; 4] = [
        |bench| bench.core_hangup(ALICE, "DTLS alert"),
        |bench| bench.plugin_hangup(ALICE, Side::Callee),
        |bench| bench.plugin_hangup(BOB, Side::Caller),
        |bench| bench.core_hangup(BOB, "Close PC"),
    ];
    for order in permutations(4) {
        let mut bench = talking();
        let heard: Vec<String> = order.iter().flat_map(|step| steps[*step](&mut bench)).collect();
        let told = [
            "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "alice left: hangup(bob, Remote WebRTC hangup), core hangup(DTLS alert)",
            "log ended (caller lost its PeerConnection: DTLS alert)",
        ];
        ends_with(&heard, &told);
        assert_eq!(bench.after(Duration::from_secs(1)), [""; 0], "{order:?}");
        bench.is_clean();
    }
}

#[test]
fn a_loss_that_janus_does_not_explain_ends_the_call_a_little_later() {
    let lost = |says: fn(&mut Bench) -> Vec<String>| {
        let mut bench = talking();
        assert_eq!(says(&mut bench), [""; 0]);
        assert_eq!(bench.due_in(), Some(300));
        assert_eq!(bench.after(Duration::from_millis(299)), [""; 0]);
        let ended = bench.after(Duration::from_millis(1));
        bench.is_clean();
        ended
    };
    let told = [
        "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
        "alice left: hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
        "log ended (caller lost its PeerConnection: Close PC)",
    ];
    ends_with(&lost(|bench| bench.plugin_hangup(BOB, Side::Caller)), &told);
    ends_with(&lost(|bench| bench.core_hangup(BOB, "Close PC")), &told);
}

#[test]
fn a_caller_whose_peer_connection_fails_before_the_call_has_its_answer() {
    let mut bench = calling();
    let answer = "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(ICE failed)";
    ends_with(&bench.core_hangup(ALICE, "ICE failed"), &[answer]);
    bench.is_clean();
}

#[test]
fn what_janus_says_of_a_call_that_is_over_reaches_nobody() {
    let mut bench = talking();
    bench.asks(Side::Callee, json!({"request": "set"}), None);
    bench.hangs_up_core(Side::Caller);
    assert_eq!(bench.replies(BOB, "set"), [""; 0]);
    assert_eq!(bench.notifies(ALICE, json!({"event": "update"}), None), [""; 0]);
    assert_eq!(bench.core(ALICE, "media"), [""; 0]);
    assert_eq!(bench.core(BOB, "detached"), [""; 0]);
    assert_eq!(bench.core_hangup(BOB, "Detach"), [""; 0]);
    assert_eq!(bench.asks(Side::Caller, json!({"request": "hangup"}), None), [""; 0]);
    bench.is_clean();
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![vec![]], |orders, next| {
        let insert = |order: &Vec<usize>, at: usize| [&order[..at], &[next], &order[at..]].concat();
        orders.iter().flat_map(|order| (0..=order.len()).map(|at| insert(order, at))).collect()
    })
}
