//! What Janus itself is free in. Found by playing scenarios to it many times (`a_janus_does_not_differ_from_itself` in `mod.rs`, with `TIMES=20`).
//!
//! Two messages may come in either order if a rule of [`ORDER`] is about them. A message may come or not
//! if a rule of [`PRESENCE`] is about it and the scenario names the rule under `free:`, with whose socket it
//! is for. Everything else has its place.
//!
//! No scenario makes a second call on a handle: a Janus 1.1.2 may lose candidates there, or answer no more.

use super::recording::Line;

/// A rule about two messages, in either order of its arguments, with its reason.
type Rule = (fn(&Line, &Line) -> bool, &'static str);

const ORDER: &[Rule] = &[
    (
        |one, other| one.label == "ack" && other.is_plugin(),
        "an ack is sent by a thread of the core's pool, an event by the plugin's",
    ),
    (
        |one, other| one.is_answer() && other.is_answer() && one.transaction != other.transaction,
        "requests that are not waited for go through a pool of threads",
    ),
    (
        |one, other| one.label.starts_with("trickle") && !other.label.starts_with("trickle"),
        "candidates are told by the handle's thread, as they are gathered",
    ),
    (
        |one, other| one.label.starts_with("trickle") && one.sender != other.sender,
        "each handle has a thread of its own",
    ),
    (
        |one, other| one.is_end() && other.is_plugin(),
        "the end of a PeerConnection is told by the handle's thread, an event by the plugin's",
    ),
    (
        |one, other| one.is_end() && other.is_end(),
        "the end of a PeerConnection is told by the core and by the plugin, and neither waits",
    ),
    (
        |one, other| one.is_end() && ["success", "ack"].contains(&other.label.as_str()),
        "the end of a PeerConnection is told by the handle's thread, a reply by the core's",
    ),
    (
        |one, other| one.label == "detached" && (other.label == "success" || other.is_end()),
        "a handle is taken down by its own thread while the core's answers",
    ),
    (
        |one, other| (one.label == "detached" || one.is_end()) && other.label == "timeout",
        "a handle is taken down by its own thread while the core's tells of the timeout",
    ),
];

/// A rule about a message that may be missing: its name, what it is about, its reason.
type Maybe = (&'static str, fn(&Line) -> bool, &'static str);

const PRESENCE: &[Maybe] = &[
    (
        "end-of-detached",
        |line| line.label == "hangup Detach" || line.label == "@hangup Remote WebRTC hangup",
        "a handle that is taken down tells of its PeerConnection's end, unless it is gone before",
    ),
    (
        "candidates-of-refused",
        |line| line.label.starts_with("trickle"),
        "the PeerConnection of a call that is refused may be closed before it tells its candidates",
    ),
    (
        "detached-by-timeout",
        |line| line.label == "detached",
        "a handle that ends with its session tells so, unless the session is gone before",
    ),
    (
        "late-answer",
        |line| ["error 465", "error 469", "error 471"].contains(&line.label.as_str()),
        "a session description after the end is refused in other words while the old one is taken down",
    ),
    (
        "who-times-out-first",
        |line| line.is_end(),
        "of two sessions that time out, the one that ends first ends the call for the other",
    ),
];

impl Line {
    /// Whether it tells the end of a PeerConnection.
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

/// Whether two messages may change places.
pub fn may_swap(one: &Line, other: &Line) -> bool {
    ORDER.iter().any(|(rule, _)| rule(one, other) || rule(other, one))
}

/// Whether a message on the socket of that name may be missing, where these rules hold.
pub fn may_be_missing(socket: &str, line: &Line, rules: &[(String, String)]) -> bool {
    let holds = |name: &str| rules.iter().any(|(rule, whose)| rule == name && whose == socket);
    PRESENCE.iter().any(|(name, is_about, _)| holds(name) && is_about(line))
}

/// Whether there is a rule of that name.
pub fn is_rule(name: &str) -> bool {
    PRESENCE.iter().any(|(it, ..)| *it == name)
}
