//! Compares two recordings of one scenario.
//!
//! For each socket: what both heard is matched as a set first; what is left must be a wanted difference that
//! the scenario names. Then the order: message by message, the next one of Janus' must be the next of
//! Switchboard's, save those that may change places with it (see `freedom.rs`).

use super::differences::{Difference, fits, named};
use super::freedom::{may_be_missing, may_swap};
use super::recording::{Line, Recording, Track};
use super::report;
use super::scenario::Scenario;
use std::collections::BTreeSet;

/// What came out of comparing.
#[derive(Default)]
pub struct Diff {
    /// Each problem, ready to print.
    pub problems: Vec<String>,
    /// The names of the wanted differences that were seen.
    pub seen: BTreeSet<&'static str>,
}

/// Compares, and complains of wanted differences that did not show.
pub fn compare(scenario: &Scenario, janus: &Recording, switchboard: &Recording) -> Diff {
    let mut verdict = Diff::default();
    let wanted: Vec<&Difference> = scenario.differs.iter().map(|name| named(name)).collect();
    for (one, other) in janus.iter().zip(switchboard) {
        verdict.socket(scenario, &wanted, one, other);
    }
    if janus.len() != switchboard.len() {
        verdict.problems.push(format!("{} sockets, not {}", switchboard.len(), janus.len()));
    }
    for unseen in wanted.iter().filter(|difference| !verdict.seen.contains(difference.name)) {
        verdict.problems.push(format!("the wanted difference {} does not show", unseen.name));
    }
    verdict
}

impl Diff {
    fn socket(
        &mut self,
        scenario: &Scenario,
        wanted: &[&'static Difference],
        janus: &Track,
        switchboard: &Track,
    ) {
        let heard = |track: &Track| -> Vec<Line> {
            track
                .lines
                .iter()
                .filter(|line| !line.sent && !may_be_missing(&janus.name, line, &scenario.free))
                .cloned()
                .collect()
        };
        let (theirs, mut ours) = (heard(janus), heard(switchboard));
        let (mut missing, mut extra) = without_common(&theirs, &ours);
        let mut excused = Vec::new();
        for difference in wanted {
            for (from, to) in difference.lines {
                while let Some((lost, got)) = excuse(from, to, &mut missing, &mut extra) {
                    self.seen.insert(difference.name);
                    if let Some(place) = got.as_ref().and_then(|got| ours.iter().position(|it| it == got)) {
                        ours.remove(place);
                    }
                    excused.extend(lost);
                }
            }
        }
        if !missing.is_empty() || !extra.is_empty() {
            self.problems.push(report::unlike(&missing, &extra, janus, switchboard));
            return;
        }
        let theirs = without(theirs, excused);
        if let Some((expected, instead)) = first_out_of_order(&theirs, &ours) {
            self.problems.push(report::out_of_order(&expected, &instead, janus, switchboard));
        }
    }
}

/// The lines of each that the other has not.
fn without_common(theirs: &[Line], ours: &[Line]) -> (Vec<Line>, Vec<Line>) {
    (without(theirs.to_vec(), ours.to_vec()), without(ours.to_vec(), theirs.to_vec()))
}

/// The lines but those, each taken once.
fn without(mut lines: Vec<Line>, those: Vec<Line>) -> Vec<Line> {
    for line in those {
        if let Some(place) = lines.iter().position(|it| it.text == line.text) {
            lines.remove(place);
        }
    }
    lines
}

/// Takes a pair of lines that these patterns describe.
fn excuse(
    from: &str,
    to: &str,
    missing: &mut Vec<Line>,
    extra: &mut Vec<Line>,
) -> Option<(Option<Line>, Option<Line>)> {
    let find = |pattern: &str, lines: &[Line]| lines.iter().position(|line| fits(pattern, &line.text));
    let lost = if from.is_empty() { None } else { Some(find(from, missing)?) };
    let got = if to.is_empty() { None } else { Some(find(to, extra)?) };
    Some((lost.map(|place| missing.remove(place)), got.map(|place| extra.remove(place))))
}

/// The first line that did not come when it should have, with the one that came too early.
fn first_out_of_order(theirs: &[Line], ours: &[Line]) -> Option<(Line, Line)> {
    let mut rest = ours.to_vec();
    for line in theirs {
        let place = rest.iter().position(|it| it.text == line.text)?;
        if let Some(early) = rest[..place].iter().find(|early| !may_swap(early, line)) {
            return Some((line.clone(), early.clone()));
        }
        rest.remove(place);
    }
    None
}
