//! Words that no name may hold, since the field has others, and the uses that may stay.

use super::names::What;

/// Words with the forms that occurred, and what to say instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("road roads", "stream, queue, mailbox, log or destination"),
    ("scribe scribes pen", "writer"),
    ("desk desks paper papers", "write queue, pending write"),
    ("draft drafts", "snapshot"),
    ("estate estates", "orphaned mailbox, recovered state"),
    ("heir heirs inherit inherits inherited", "claim, takeover"),
    ("herald keeper standing tenure", "lease: renew, acquire, watch, hold"),
    ("letter letters", "final notices"),
    ("witness telling", "guard"),
    ("ledger book receipt receipts", "ack tracker, ack guard"),
    ("stamp stamps stamped", "sequence"),
    ("outlet", "output"),
    ("told untold unheard", "sent, unsent, backlog"),
    ("remind reminds reminded", "replay"),
    ("hear hears heard hearing", "receive, apply, on_"),
    ("crowd crowded", "overload, load shedding"),
    ("flood floods", "rate limit"),
    ("crew", "task group, pool"),
    ("custody", "lifecycle"),
    ("gathering", "batching window, run"),
    ("attendance", "population"),
    ("part parting goodbye farewell", "shutdown, deregister"),
    ("life signs", "heartbeat, keepalive, TTL"),
    ("numbers", "metrics"),
    ("act acts", "action"),
    ("ask asks asked asking question questions", "request, in flight, pending, transaction"),
    ("patience", "timeout"),
    ("appointment hurry rested", "flush: next, now, done"),
    ("clerk shelf upkeep", "acker, prefetch buffer, reclaim"),
    ("bury buried", "dead letter"),
    ("sing", "send a canary"),
    ("weather sky", "fault injection, fault plan"),
    ("rehearse rehearsal dice", "simulation, seeded random numbers"),
    ("site sites door doors", "location, endpoint"),
    ("manners", "socket options"),
    ("far stranger strangers", "remote, unknown caller"),
    ("story stories", "timeline, scenario"),
    ("house houses", "cluster, fixture, diagram"),
    ("person persons", "client"),
    ("ear ears voice", "checker, actor"),
    ("world wall", "model, simulation"),
    ("trouble troubles judge verdict", "finding, health check, state"),
    ("nobody whoever somebody", "the actor's name"),
];

/// Words that only these kinds of names must not hold.
const FORBIDDEN_IN: &[(&str, &str, &[What])] = &[
    // The verb is fine: `mark_ended`.
    ("mark marks", "offset", &[What::Type, What::Field, What::Variant, What::Constant, What::Key]),
    // The peer is the other party of a call. What janus-cloud has is a proxy.
    ("peers", "proxies", &[What::Module]),
    ("peer peers", "proxy", &[What::Key, What::Metric, What::Flag, What::Alert]),
];

/// A word, and the words that it may stand within.
const ALLOWED: &[(&str, &str)] = &[
    // The term of every queue for a message that cannot be handled.
    ("letter", "dead_letter"),
    ("letters", "dead_letters"),
    // WebRTC's terms.
    ("gathering", "ice_gathering"),
    ("peer", "peer_connection"),
];

/// The forbidden words in a name, each with what to say instead.
pub fn forbidden(what: What, name: &str) -> Vec<String> {
    let words = words(name);
    let whole = format!("_{}_", words.join("_"));
    let is_allowed = |word: &str| {
        ALLOWED.iter().any(|(allowed, within)| *allowed == word && whole.contains(&format!("_{within}_")))
    };
    let here = FORBIDDEN_IN.iter().filter(|(.., kinds)| kinds.contains(&what));
    let here = here.map(|(listed, instead, _)| (*listed, *instead));
    let lines: Vec<_> = FORBIDDEN.iter().copied().chain(here).collect();
    let instead = |word: &String| {
        let (_, instead) =
            lines.iter().find(|(listed, _)| listed.split(' ').any(|forbidden| forbidden == word))?;
        (!is_allowed(word)).then(|| format!("{word} (say {instead})"))
    };
    words.iter().filter_map(instead).collect()
}

/// The words of a name in any of the usual styles, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<char> = name.chars().collect();
    for (at, character) in characters.iter().enumerate() {
        let after_small = at > 0 && !characters[at - 1].is_uppercase();
        let before_small = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if !character.is_alphabetic() || character.is_uppercase() && (after_small || before_small) {
            words.push(String::new());
        }
        if character.is_alphabetic() {
            words.last_mut().unwrap().extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn names_are_split_into_words() {
    assert_eq!(words("HTTPServer"), ["http", "server"]);
    assert_eq!(words("next_flushAt-2nd"), ["next", "flush", "at", "nd"]);
    assert_eq!(words("FLUSH_INTERVAL"), ["flush", "interval"]);
}

#[test]
fn a_forbidden_word_is_found_in_every_style() {
    for (name, word) in [
        ("EdgeScribe", "scribe"),
        ("next_scribe", "scribe"),
        ("ASK_TIMEOUT", "ask"),
        ("sb:{road:0}", "road"),
        ("--door-url", "door"),
        ("switchboard_road_entries", "road"),
    ] {
        let found = forbidden(What::Type, name);
        assert!(found.len() == 1 && found[0].starts_with(&format!("{word} (say ")), "{name}: {found:?}");
    }
    assert!(forbidden(What::Function, "broadcast_task_restores_the_heartbeat").is_empty());
}

#[test]
fn what_is_allowed_is_allowed_in_its_place_only() {
    assert!(forbidden(What::Type, "DeadLetter").is_empty());
    assert_eq!(forbidden(What::Type, "Letter"), ["letter (say final notices)"]);
    assert!(forbidden(What::Field, "peer").is_empty());
    assert_eq!(forbidden(What::Flag, "--peer-url"), ["peer (say proxy)"]);
    assert!(forbidden(What::Function, "mark_ended").is_empty());
    assert_eq!(forbidden(What::Field, "mark"), ["mark (say offset)"]);
}
