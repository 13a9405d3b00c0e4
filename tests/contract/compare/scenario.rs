//! A scenario: who does what, one step per line.
//!
//! ```text
//! # What it is about.
//! servers: short-timeouts          which servers, `default` if absent (see `servers.rs`)
//! differs: exists, ...             which intended differences it shows (see `differences.rs`)
//! varies: end-of-detached alice    which messages Janus may omit, on whose socket (see `janus_variance.rs`)
//!
//! alice arrives                    connects, creates a session, attaches, registers a name
//! alice enters                     the same, but without a name
//! alice connects                   only that; `alice connects beside bob`: to the address that bob uses
//! second joins alice               one more actor on alice's socket; `second joins alice's session`
//! back takes over bob              uses bob's session and handle on the socket that `back` has
//! alice and bob talk               alice calls, bob accepts; `alice rings bob` is the first half
//! alice sends VERB {...}           a request to the core, with ids filled in; waits for the reply
//! alice requests VERB {...} with JSEP   a request to the plugin; waits for ack and event, or the error
//! alice quickly sends / requests ...   the same, without waiting
//! alice writes TEXT                a frame as it stands
//! alice receives LABEL, 3*LABEL    waits for these, in any order (see `label.rs`)
//! alice receives the end           waits for the late hangup of the plugin and that of the core
//! alice stays awake                keepalives from now on, which are not recorded
//! alice drops / alice closes       without and with a close frame; `alice closes with 4000 REASON`
//! alice writes frame 8b HEX        one frame: flags and opcode, and the payload; neither needs to be valid
//! alice is closed                  waits until the server closes
//! ```
//!
//! `closes` and `is closed` record the code of the server's close frame, if there is one.
//!
//! A step after `janus:` or `switchboard:` runs only there. In JSON and frames, `$alice` is a name that is
//! unique to the run. `$alice.session` and `$alice.handle` are ids, and `$id.1` is an unused id. `$offer` and
//! the like are in `offers.rs`. `$newline` ends a line, and the value `"$absent"` removes a field. `#` begins a
//! comment.

use super::janus_variance;
use super::servers::DEFAULT_SERVERS;
use std::fs;
use std::path::Path;

/// The kind of server that a scenario runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Janus,
    Switchboard,
}

/// One file of `scenarios/`.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub servers: String,
    pub differs: Vec<String>,
    pub varies: Vec<(String, String)>,
    pub steps: Vec<Step>,
}

/// One line of it.
#[derive(Clone, Debug)]
pub struct Step {
    pub line: usize,
    pub text: String,
    pub only: Option<Server>,
    pub who: Vec<String>,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Connect { beside: Option<String> },
    Join { whom: String, session: bool },
    TakeOver(String),
    Arrive { named: bool },
    Ring(String),
    Talk,
    Send { quickly: bool, verb: String, more: String },
    Request { quickly: bool, request: String, more: String, jsep: Option<String> },
    Write(String),
    Receive(Vec<String>),
    StayAwake,
    Drop,
    Close(Option<(u16, String)>),
    WriteFrame(u8, Vec<u8>),
    Closed,
}

const THE_END: [&str; 2] = ["@hangup Remote WebRTC hangup", "hangup Close PC"];

/// All scenarios, by name. `ONLY=text` in the environment selects those whose name contains the text.
pub fn all() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/scenarios");
    let only = std::env::var("ONLY").unwrap_or_default();
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut scenarios: Vec<Scenario> = files.map(|file| read(&file)).collect();
    scenarios.retain(|scenario| scenario.name.contains(&only));
    scenarios.sort_by(|one, other| one.name.cmp(&other.name));
    scenarios
}

fn read(file: &Path) -> Scenario {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(file).unwrap();
    let (differs, varies, steps) = Default::default();
    let mut scenario = Scenario { name, servers: DEFAULT_SERVERS.to_owned(), differs, varies, steps };
    for (place, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(servers) = line.strip_prefix("servers:") {
            scenario.servers = servers.trim().to_owned();
        } else if let Some(names) = line.strip_prefix("differs:") {
            scenario.differs = words(names);
        } else if let Some(names) = line.strip_prefix("varies:") {
            scenario.varies = rules(names);
        } else {
            let step = step(place + 1, line);
            scenario.steps.push(step.unwrap_or_else(|| panic!("{} cannot be read: {line}", scenario.name)));
        }
    }
    scenario
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(|word| word.trim().to_owned()).collect()
}

fn rules(list: &str) -> Vec<(String, String)> {
    let rules = list.split(',').map(|rule| rule.trim().split_once(' ').expect("a rule and a socket"));
    let rules: Vec<_> = rules.map(|(rule, whose)| (rule.to_owned(), whose.to_owned())).collect();
    assert!(rules.iter().all(|(rule, _)| janus_variance::is_rule(rule)), "no such rule: {list}");
    rules
}

fn step(line: usize, text: &str) -> Option<Step> {
    let (only, rest) = match (text.strip_prefix("janus: "), text.strip_prefix("switchboard: ")) {
        (Some(rest), _) => (Some(Server::Janus), rest),
        (_, Some(rest)) => (Some(Server::Switchboard), rest),
        _ => (None, text),
    };
    let (first, mut rest) = rest.split_once(' ')?;
    let mut who = vec![first.to_owned()];
    while let Some(more) = rest.strip_prefix("and ") {
        let (next, after) = more.split_once(' ')?;
        who.push(next.to_owned());
        rest = after;
    }
    Some(Step { line, text: text.to_owned(), only, who, action: action(rest)? })
}

fn action(text: &str) -> Option<Action> {
    let (quickly, text) = text.strip_prefix("quickly ").map_or((false, text), |rest| (true, rest));
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match (verb.strip_suffix('s').unwrap_or(verb), rest) {
        ("connect", "") => Action::Connect { beside: None },
        ("connect", rest) => Action::Connect { beside: Some(rest.strip_prefix("beside ")?.to_owned()) },
        ("join", rest) => match rest.strip_suffix("'s session") {
            Some(whom) => Action::Join { whom: whom.to_owned(), session: true },
            None => Action::Join { whom: rest.to_owned(), session: false },
        },
        ("take", rest) => Action::TakeOver(rest.strip_prefix("over ")?.to_owned()),
        ("arrive", "") => Action::Arrive { named: true },
        ("enter", "") => Action::Arrive { named: false },
        ("ring", whom) => Action::Ring(whom.to_owned()),
        ("talk", "") => Action::Talk,
        ("send", rest) => {
            let (janus, more) = rest.split_once(' ').unwrap_or((rest, ""));
            Action::Send { quickly, verb: janus.to_owned(), more: more.to_owned() }
        }
        ("request", rest) => request(quickly, rest),
        ("write", rest) if rest.starts_with("frame ") => write_frame(&rest["frame ".len()..])?,
        ("write", rest) => Action::Write(rest.to_owned()),
        ("receive", "the end") => Action::Receive(THE_END.map(str::to_owned).to_vec()),
        ("receive", rest) => {
            Action::Receive(rest.split(',').flat_map(|label| repeated(label.trim())).collect())
        }
        ("stay", "awake") => Action::StayAwake,
        ("drop", "") => Action::Drop,
        ("close", "") => Action::Close(None),
        ("close", rest) => {
            let rest = rest.strip_prefix("with ")?;
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            Action::Close(Some((code.parse().ok()?, reason.to_owned())))
        }
        ("i", "closed") => Action::Closed,
        _ => return None,
    })
}

fn write_frame(rest: &str) -> Option<Action> {
    let (first, payload) = rest.split_once(' ').unwrap_or((rest, ""));
    let digits: Vec<char> = payload.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).ok();
    let bytes = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
    Some(Action::WriteFrame(u8::from_str_radix(first, 16).ok()?, bytes))
}

fn request(quickly: bool, rest: &str) -> Action {
    let (rest, jsep) = match rest.rsplit_once("with ") {
        Some((rest, jsep)) => (rest.trim(), Some(jsep.to_owned())),
        None => (rest, None),
    };
    let (request, more) = rest.split_once(' ').unwrap_or((rest, ""));
    Action::Request { quickly, request: request.to_owned(), more: more.to_owned(), jsep }
}

fn repeated(label: &str) -> Vec<String> {
    match label.split_once('*') {
        Some((times, label)) => vec![label.to_owned(); times.parse().expect("a number before the *")],
        None => vec![label.to_owned()],
    }
}
