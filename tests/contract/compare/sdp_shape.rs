//! The part of a session description that stays the same in every call.
//!
//! Its lines stay in order. Addresses, ports, fingerprints and ids of streams become `*`. ICE credentials
//! become `<1>`, `<2>`, ... in the order in which a client first receives them, so that the comparison
//! detects whether a restart changed them.

/// The credentials that one client has received.
#[derive(Default)]
pub struct Credentials(Vec<String>);

impl Credentials {
    fn number(&mut self, value: &str) -> usize {
        let known = self.0.iter().position(|it| it == value);
        known.unwrap_or_else(|| {
            self.0.push(value.to_owned());
            self.0.len() - 1
        }) + 1
    }
}

/// The shape of an SDP: its lines, joined with ` | `.
pub fn of(sdp: &str, seen: &mut Credentials) -> String {
    let lines: Vec<String> = sdp.lines().map(|line| line_shape(line, seen)).collect();
    lines.join(" | ")
}

fn line_shape(line: &str, seen: &mut Credentials) -> String {
    let start = |start: &str| line.starts_with(start);
    if let Some((name, value)) = line.split_once(':')
        && matches!(name, "a=ice-ufrag" | "a=ice-pwd")
    {
        return format!("{name}:<{}>", seen.number(value));
    }
    if start("o=") {
        return [line.rsplit_once(' ').map_or("", |(kept, _)| kept), "*"].join(" ");
    }
    if start("m=") {
        return without_word(line, 1);
    }
    if start("a=ssrc:") {
        return "a=ssrc:* ".to_owned() + line.split_once(' ').map_or("", |(_, rest)| rest);
    }
    if start("a=ssrc-group:") {
        let ids = line.split(' ').count() - 1;
        return line.split(' ').next().unwrap_or_default().to_owned() + " *".repeat(ids).as_str();
    }
    if start("a=candidate:") {
        return candidate(line);
    }
    match line.split_once(':') {
        Some(("a=fingerprint", _)) => "a=fingerprint:*".to_owned(),
        _ if start("c=") => without_word(line, 2),
        _ => line.to_owned(),
    }
}

/// A candidate: its transport and type.
pub fn candidate(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let word = |place: usize| words.get(place).copied().unwrap_or("?");
    format!("candidate:* {} {} * * * {} {}", word(1), word(2), word(6), word(7))
}

fn without_word(line: &str, place: usize) -> String {
    let words = line.split(' ').enumerate();
    let words: Vec<&str> = words.map(|(at, word)| if at == place { "*" } else { word }).collect();
    words.join(" ")
}
