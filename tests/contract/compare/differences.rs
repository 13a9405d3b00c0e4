//! The intended differences between Switchboard and Janus. `docs/compatibility.md` contains this table, and
//! each entry is shown by the scenarios that name it in a `differs:` line.

/// One intended difference.
pub struct Difference {
    /// The name that scenarios use.
    pub name: &'static str,
    /// What a Janus does.
    pub janus: &'static str,
    /// What Switchboard does.
    pub switchboard: &'static str,
    pub reason: &'static str,
    /// Patterns of the messages that differ: Janus' message, then Switchboard's. An empty pattern stands for
    /// no message, and `*` for any text.
    pub lines: &'static [(&'static str, &'static str)],
}

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "parser-words",
        janus: "describes a malformed frame in the words of its JSON library (error 454)",
        switchboard: "describes it in its own words, with the position that its parser reports",
        reason: "the contract is the code, and that no request of the frame is executed; the text is the library's",
        lines: &[(
            r#"{"janus":"error","error":{"code":454,"reason":"Invalid Janus API request - <string>(*}"#,
            r#"{"janus":"error","error":{"code":454,"reason":"Invalid Janus API request - <string>(*}"#,
        )],
    },
    Difference {
        name: "trailing-newline",
        janus: "1.1.2 and 1.1.3 refuse a frame with white space after the JSON (error 454)",
        switchboard: "accepts it",
        reason: "Janus accepted it before 1.1.2, and accepts it again since 1.1.4",
        lines: &[("*\"code\":454*", "*\"janus\":\"pong\"*")],
    },
    Difference {
        name: "server-info",
        janus: "`info` describes its library, its ICE settings and its other plugins",
        switchboard: "returns its own name and version, its timeouts and its one plugin",
        reason: "`info` cannot describe several Janus servers",
        lines: &[("*server_info*", "*server_info*")],
    },
    Difference {
        name: "name-moves",
        janus: "refuses a name that is registered (error 476)",
        switchboard: "moves it to the latest client; the former handle receives `unregistered`",
        reason: "a client that reconnects must not wait until its old connection times out",
        lines: &[
            ("*\"error_code\":476*", "*\"event\":\"registered\"*"),
            ("", "*\"event\":\"unregistered\"*"),
            ("*\"event\":\"hangup\",\"username\"*", "*\"event\":\"hangup\",\"reason\"*"),
        ],
    },
    Difference {
        name: "exists",
        janus: "has no request `exists` (error 472)",
        switchboard: "returns whether the name is registered",
        reason: "as janus-cloud documents it",
        lines: &[("*\"error_code\":472*", "*\"registered\":*")],
    },
    Difference {
        name: "recording",
        janus: "records to any file of the media server that a client names",
        switchboard: "refuses to record unless the operator has set `--record-dir`",
        reason: "a client must not write arbitrary files on the media servers",
        lines: &[("*\"event\":\"set\"*", "*\"error_code\":499*")],
    },
    Difference {
        name: "second-socket",
        janus: "lets any connection that knows a session's id use it",
        switchboard: "accepts a session only on the connection that created or claimed it (error 458)",
        reason: "an id is no proof of ownership; `claim` moves a session explicitly",
        lines: &[("*", "*\"code\":458,*")],
    },
    Difference {
        name: "call-in-call",
        janus: "answers `call` in a call with error 480 and ends the call; a ringing callee gets 490 for an offer",
        switchboard: "answers with error 480; the call continues",
        reason: "a mistake of the caller must not end the call for the callee",
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
        janus: "drops events while a session has no connection",
        switchboard: "keeps them, in order, until the session is claimed",
        reason: "a client that reconnects must not miss a call that rang in between",
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
        janus: "creates a PeerConnection for an offer with any request; outside of a call, the next `call` then \
                fails (error 490)",
        switchboard: "reads session descriptions with `call` and `accept`, and with `set` in a call; ignores others",
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
        name: "close-codes",
        janus: "answers a close frame with 1012 or 1013 by 1002, and returns codes from 5000 on",
        switchboard: "returns the codes that RFC 6455 and its registry allow, and answers others by 1002",
        reason: "as the standard says; a browser sends 1000 or 3000 to 4999 only",
        lines: &[("*1002*", "*1012*"), ("*1002*", "*1013*"), ("*5000*", "*1002*")],
    },
    Difference {
        name: "invalid-frames",
        janus: "answers a text that is not UTF-8 with error 454, and accepts frames without a mask; a control frame over \
                125 bytes ends the connection without a close frame",
        switchboard: "closes with 1007 for such a text, and with 1002 for such frames",
        reason: "as the standard says, and as Janus does with other invalid frames",
        lines: &[("*without a close frame*", "*1002*"), ("*\"code\":454*", ""), ("*1000*", "*1007*")],
    },
    Difference {
        name: "idle-connection",
        janus: "keeps a connection without a session for any time",
        switchboard: "closes it with 1008 after `--idle-timeout`, also when its last session has ended",
        reason: "a client that has shown nothing must not hold a connection",
        lines: &[("", "*1008*")],
    },
];

/// Scenarios with an unintended difference, each waiting for a fix. They do not fail the comparison.
pub const OPEN: &[(&str, &str)] = &[];

/// The entry of that name.
pub fn named(name: &str) -> &'static Difference {
    let found = DIFFERENCES.iter().find(|difference| difference.name == name);
    found.unwrap_or_else(|| panic!("unknown difference: {name}"))
}

/// Whether a text matches a pattern with `*`.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
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
