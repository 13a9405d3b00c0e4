//! Where Switchboard is meant to differ from Janus. `docs/compatibility.md` prints this table, and each
//! entry is shown by the scenarios that name it under `differs:`.

/// One wanted difference.
pub struct Difference {
    /// How scenarios call it.
    pub name: &'static str,
    /// What a Janus does.
    pub janus: &'static str,
    /// What Switchboard does.
    pub switchboard: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Which messages differ: what Janus says, what Switchboard says instead; empty for nothing. A `*`
    /// stands for anything.
    pub lines: &'static [(&'static str, &'static str)],
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "parser-words",
        janus: "tells in the words of its JSON library what is wrong with a frame (error 454)",
        switchboard: "tells it in the words of its own, with the place as it sees it",
        reason: "the code is the contract, and that nothing of the frame is done; the words are the library's",
        lines: &[(
            r#"{"janus":"error","error":{"code":454,"reason":"Invalid Janus API request - <string>(*}"#,
            r#"{"janus":"error","error":{"code":454,"reason":"Invalid Janus API request - <string>(*}"#,
        )],
    },
    Difference {
        name: "trailing-newline",
        janus: "1.1.2 and 1.1.3 refuse a frame with white space behind the JSON (error 454)",
        switchboard: "accepts it",
        reason: "it was accepted before 1.1.2 and is again since 1.1.4",
        lines: &[("*\"code\":454*", "*\"janus\":\"pong\"*")],
    },
    Difference {
        name: "server-info",
        janus: "`info` tells about its library, its ICE settings and its other plugins",
        switchboard: "tells what it knows: its own name and version, its times and its one plugin",
        reason: "there is no one Janus that `info` could be about",
        lines: &[("*server_info*", "*server_info*")],
    },
    Difference {
        name: "name-moves",
        janus: "refuses a name that somebody has (error 476)",
        switchboard: "gives it to who asked last; the handle that had it hears `unregistered`",
        reason: "a client that comes back on a new connection must not wait for its old one to time out",
        lines: &[
            ("*\"error_code\":476*", "*\"event\":\"registered\"*"),
            ("", "*\"event\":\"unregistered\"*"),
            ("*\"event\":\"hangup\",\"username\"*", "*\"event\":\"hangup\",\"reason\"*"),
        ],
    },
    Difference {
        name: "exists",
        janus: "knows no request `exists` (error 472)",
        switchboard: "tells whether the name is registered",
        reason: "as janus-cloud documents it",
        lines: &[("*\"error_code\":472*", "*\"registered\":*")],
    },
    Difference {
        name: "recording",
        janus: "records to any file of the media server that a client names",
        switchboard: "refuses to record unless the operator has set `--record-dir`",
        reason: "a client must not write where it likes on the media servers",
        lines: &[("*\"event\":\"set\"*", "*\"error_code\":499*")],
    },
    Difference {
        name: "second-socket",
        janus: "lets any connection that knows a session's id use it",
        switchboard: "knows a session only on the connection that created or claimed it (error 458)",
        reason: "an id is no proof; `claim` moves a session, and says so",
        lines: &[("*", "*\"code\":458,*")],
    },
    Difference {
        name: "call-in-call",
        janus: "answers `call` in a call with error 480 and ends the call; a callee that is rung gets 490 for an \
                offer",
        switchboard: "answers with error 480; the call goes on",
        reason: "a mistake of the caller is no reason to cut off the callee",
        lines: &[
            ("*\"reason\":\"Remote WebRTC hangup\"*", ""),
            ("*\"reason\":\"Close PC\"*", ""),
            ("*\"code\":490*", "*\"janus\":\"ack\"*"),
            ("", "*\"error_code\":480*"),
            ("", "*\"janus\":\"ack\"*"),
            ("", "*\"event\":\"accepted\"*"),
            ("", "*\"reason\":\"Explicit hangup\"*"),
            ("", "*\"reason\":\"We did the hangup\"*"),
        ],
    },
    Difference {
        name: "gap",
        janus: "drops what it has to say while a session's connection is lost",
        switchboard: "keeps it, in order, for who claims the session",
        reason: "a client that comes back from a tunnel must not miss the call that rang meanwhile",
        lines: &[
            ("", "*\"event\":\"update\"*"),
            ("", "*\"event\":\"incomingcall\"*"),
            ("", "*\"janus\":\"trickle\"*"),
            ("", "*\"reason\":\"We did the hangup\"*"),
            ("", "*\"reason\":\"Remote WebRTC hangup\"*"),
            ("", "*\"reason\":\"Close PC\"*"),
        ],
    },
    Difference {
        name: "stray-offer",
        janus: "makes a PeerConnection of an offer with any request; outside of a call the next `call` then \
                fails (error 490)",
        switchboard: "takes session descriptions with `call` and `accept`, and with `set` in a call; ignores others",
        reason: "a PeerConnection belongs to a call",
        lines: &[
            ("*\"code\":490*", "*\"janus\":\"ack\"*"),
            ("", "*\"event\":\"calling\"*"),
            ("", "*\"event\":\"incomingcall\"*"),
            ("*\"janus\":\"trickle\"*", ""),
            ("", "*\"janus\":\"trickle\"*"),
        ],
    },
    Difference {
        name: "parser-limits",
        janus: "refuses a frame with an integer beyond 64 bits (error 454)",
        switchboard: "takes it where it need not read the number",
        reason: "JSON has no such bound",
        lines: &[("*\"code\":454*", "*\"janus\":\"pong\"*")],
    },
];

/// Scenarios that differ for no wanted reason yet: each waits for a fix. They do not fail the comparison.
pub const OPEN: &[(&str, &str)] = &[];

/// The entry of that name.
pub fn named(name: &str) -> &'static Difference {
    let found = DIFFERENCES.iter().find(|difference| difference.name == name);
    found.unwrap_or_else(|| panic!("no difference is called {name}"))
}

/// Whether a text is what a pattern with `*` describes.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else { return false };
    let Some(end) = pattern.rsplit('*').next().filter(|_| pattern.contains('*')) else {
        return rest.is_empty();
    };
    let middle: Vec<&str> = parts.collect();
    for part in &middle[..middle.len() - 1] {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(end)
}
