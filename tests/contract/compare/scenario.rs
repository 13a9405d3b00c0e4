//! A scenario: who does what, one step a line.
//!
//! ```text
//! # What it is about.
//! house: hasty                     which servers, `patient` if it does not say (see `house.rs`)
//! differs: exists, ...             which wanted differences it shows (see `differences.rs`)
//! free: end-of-detached alice      which messages Janus may leave out, to whom (see `freedom.rs`)
//!
//! alice arrives                    connects, creates a session, attaches, registers her name
//! alice enters                     the same, but without a name
//! alice connects                   only that; `alice connects beside bob`: at the door he came through
//! desk joins alice                 one more voice on her socket; `desk joins alice's session`
//! back takes over bob              goes on with his session and handle, from the socket it has
//! alice and bob talk               alice calls, bob accepts; `alice rings bob` is the first half
//! alice sends VERB {...}           a request to the core; ids are filled in; waits for the reply
//! alice asks REQUEST {...} with JSEP   a request to the plugin; waits for ack and event, or the error
//! alice quickly sends / asks ...   the same, but waits for nothing
//! alice writes TEXT                a frame as it stands
//! alice hears LABEL, 3*LABEL       waits for these, in any order (see `label.rs`)
//! alice hears the end              waits for the late plugin hangup and the core's
//! alice stays awake                keepalives from now on, which are not recorded
//! alice drops / alice closes       without and with a goodbye
//! ```
//!
//! `janus:` or `switchboard:` before a step: only there. In JSON and frames, `$alice` is a name that is
//! unique to the run, `$alice.session` and `$alice.handle` are ids, `$id.1` is an unused id, `$offer` and
//! the like are of `offers.rs`, `$newline` ends a line; the value `"$absent"` takes a field away. `#` begins a comment.

use super::freedom;
use std::fs;
use std::path::Path;

/// Which of the two is spoken to.
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
    pub free: Vec<(String, String)>,
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

/// What is done.
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
    Close,
}

const THE_END: [&str; 2] = ["@hangup Remote WebRTC hangup", "hangup Close PC"];

/// All scenarios, by name. `ONLY=part` in the environment leaves those whose name has the part in it.
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
    let (differs, free, steps) = Default::default();
    let mut scenario = Scenario { name, servers: "patient".to_owned(), differs, free, steps };
    for (place, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(house) = line.strip_prefix("house:") {
            scenario.servers = house.trim().to_owned();
        } else if let Some(names) = line.strip_prefix("differs:") {
            scenario.differs = words(names);
        } else if let Some(names) = line.strip_prefix("free:") {
            scenario.free = rules(names);
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
    let rules = list.split(',').map(|rule| rule.trim().split_once(' ').expect("a rule and for whom"));
    let rules: Vec<_> = rules.map(|(rule, whose)| (rule.to_owned(), whose.to_owned())).collect();
    assert!(rules.iter().all(|(rule, _)| freedom::is_rule(rule)), "no such rule: {list}");
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
    Some(Step { line, text: text.to_owned(), only, who, action: act(rest)? })
}

fn act(text: &str) -> Option<Action> {
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
            let (verb, more) = rest.split_once(' ').unwrap_or((rest, ""));
            Action::Send { quickly, verb: verb.to_owned(), more: more.to_owned() }
        }
        ("ask", rest) => ask(quickly, rest),
        ("write", rest) => Action::Write(rest.to_owned()),
        ("hear", "the end") => Action::Receive(THE_END.map(str::to_owned).to_vec()),
        ("hear", rest) => Action::Receive(rest.split(',').flat_map(|label| repeated(label.trim())).collect()),
        ("stay", "awake") => Action::StayAwake,
        ("drop", "") => Action::Drop,
        ("close", "") => Action::Close,
        _ => return None,
    })
}

fn ask(quickly: bool, rest: &str) -> Action {
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
