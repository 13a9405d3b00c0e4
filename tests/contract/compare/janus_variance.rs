//! The variance of Janus itself, found by running scenarios against it many times
//! (`janus_varies_only_as_described` in `mod.rs`, with `TIMES=20`).
//!
//! Two messages may arrive in either order if a rule of [`ORDER`] allows it. A message may be missing if a
//! rule of [`PRESENCE`] allows it, and the scenario names the rule and the receiving socket in a `varies:`
//! line. All other messages have a fixed order.
//!
//! No scenario makes a second call on a handle: Janus 1.1.2 may lose candidates there, or stop answering.

use super::recording::Line;

/// A rule about two messages that may come in either order, with its reason.
type Rule = (fn(&Line, &Line) -> bool, &'static str);

const ORDER: &[Rule] = &[
    (
        |one, other| one.label == "ack" && other.is_plugin(),
        "an ack is sent by a thread of the core's pool, an event by the plugin's",
    ),
    (
        |one, other| one.is_answer() && other.is_answer() && one.transaction != other.transaction,
        "pipelined requests go through a pool of threads",
    ),
    (
        |one, other| one.label.starts_with("trickle") && !other.label.starts_with("trickle"),
        "the handle's thread sends candidates while they are gathered",
    ),
    (
        |one, other| one.label.starts_with("trickle") && one.sender != other.sender,
        "each handle has its own thread",
    ),
    (
        |one, other| one.is_end() && other.is_plugin(),
        "the handle's thread reports the end of a PeerConnection, the plugin's sends events",
    ),
    (
        |one, other| one.is_end() && other.is_end(),
        "core and plugin report the end of a PeerConnection independently",
    ),
    (
        |one, other| one.is_end() && ["success", "ack"].contains(&other.label.as_str()),
        "the handle's thread reports the end of a PeerConnection, the core's sends replies",
    ),
    (
        |one, other| one.label == "detached" && (other.label == "success" || other.is_end()),
        "a handle's thread detaches it while the core's thread replies",
    ),
    (
        |one, other| (one.label == "detached" || one.is_end()) && other.label == "timeout",
        "a handle's thread detaches it while the core's thread reports the timeout",
    ),
];

/// A rule about a message that may be missing: its name, the message, its reason.
type Maybe = (&'static str, fn(&Line) -> bool, &'static str);

const PRESENCE: &[Maybe] = &[
    (
        "end-of-detached",
        |line| line.label == "hangup Detach" || line.label == "@hangup Remote WebRTC hangup",
        "a detached handle reports the end of its PeerConnection, unless it is freed before",
    ),
    (
        "candidates-of-refused",
        |line| line.label.starts_with("trickle"),
        "the PeerConnection of a refused call may be closed before it sends candidates",
    ),
    (
        "detached-by-timeout",
        |line| line.label == "detached",
        "a handle that ends with its session reports it, unless the session is freed before",
    ),
    (
        "late-answer",
        |line| ["error 465", "error 469", "error 471"].contains(&line.label.as_str()),
        "a session description after the end gets another error while the old handle is closing",
    ),
    (
        "first-timeout",
        |line| line.is_end(),
        "of two sessions that time out, the one that ends first ends the call for the other",
    ),
];

impl Line {
    /// Whether the message reports the end of a PeerConnection.
    fn is_end(&self) -> bool {
        self.label.starts_with("hangup ") || self.label == "@hangup Remote WebRTC hangup"
    }

    fn is_plugin(&self) -> bool {
        self.label.starts_with('@')
    }

    fn is_answer(&self) -> bool {
        !self.transaction.is_empty()
    }
}

/// Whether two messages may swap places.
pub fn may_swap(one: &Line, other: &Line) -> bool {
    ORDER.iter().any(|(rule, _)| rule(one, other) || rule(other, one))
}

/// Whether a message on the socket of that name may be missing under these rules.
pub fn may_be_missing(socket: &str, line: &Line, rules: &[(String, String)]) -> bool {
    let holds = |name: &str| rules.iter().any(|(rule, whose)| rule == name && whose == socket);
    PRESENCE.iter().any(|(name, is_about, _)| holds(name) && is_about(line))
}

/// Whether there is a rule of that name.
pub fn is_rule(name: &str) -> bool {
    PRESENCE.iter().any(|(it, ..)| *it == name)
}
