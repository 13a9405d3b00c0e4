//! Compares two recordings of one scenario.
//!
//! For each socket the messages of both are matched as a set first. Each remaining message must be an
//! intended difference that the scenario names. Then the order is checked, message by message. The next one
//! of Janus must be the next one of Switchboard, except for messages that may swap places (see
//! `janus_variance.rs`).

use super::differences::{Difference, matches_pattern, named};
use super::janus_variance::{may_be_missing, may_swap};
use super::recording::{Line, Recording, Track};
use super::report;
use super::scenario::Scenario;
use std::collections::BTreeSet;

/// The result of a comparison.
#[derive(Default)]
pub struct Diff {
    /// The problems, ready to print.
    pub problems: Vec<String>,
    /// The names of the intended differences that occurred.
    pub seen: BTreeSet<&'static str>,
}

/// Compares, and reports intended differences that did not occur.
pub fn compare(scenario: &Scenario, janus: &Recording, switchboard: &Recording) -> Diff {
    let mut diff = Diff::default();
    let intended: Vec<&Difference> = scenario.differs.iter().map(|name| named(name)).collect();
    for (one, other) in janus.iter().zip(switchboard) {
        diff.socket(scenario, &intended, one, other);
    }
    if janus.len() != switchboard.len() {
        diff.problems.push(format!("{} sockets, not {}", switchboard.len(), janus.len()));
    }
    for unseen in intended.iter().filter(|difference| !diff.seen.contains(difference.name)) {
        diff.problems.push(format!("the intended difference {} did not occur", unseen.name));
    }
    diff
}

impl Diff {
    fn socket(
        &mut self,
        scenario: &Scenario,
        intended: &[&'static Difference],
        janus: &Track,
        switchboard: &Track,
    ) {
        let received = |track: &Track| -> Vec<Line> {
            track
                .lines
                .iter()
                .filter(|line| !line.sent && !may_be_missing(&janus.name, line, &scenario.varies))
                .cloned()
                .collect()
        };
        let (theirs, mut ours) = (received(janus), received(switchboard));
        let (mut missing, mut extra) = without_common(&theirs, &ours);
        let mut excused = Vec::new();
        for difference in intended {
            for (from, to) in difference.lines {
                while let Some((lost, got)) = remove_allowed(from, to, &mut missing, &mut extra) {
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

/// The lines of each that the other one lacks.
fn without_common(theirs: &[Line], ours: &[Line]) -> (Vec<Line>, Vec<Line>) {
    (without(theirs.to_vec(), ours.to_vec()), without(ours.to_vec(), theirs.to_vec()))
}

/// The lines without `those`, each removed once.
fn without(mut lines: Vec<Line>, those: Vec<Line>) -> Vec<Line> {
    for line in those {
        if let Some(place) = lines.iter().position(|it| it.text == line.text) {
            lines.remove(place);
        }
    }
    lines
}

/// Removes a pair of lines that match these patterns.
fn remove_allowed(
    from: &str,
    to: &str,
    missing: &mut Vec<Line>,
    extra: &mut Vec<Line>,
) -> Option<(Option<Line>, Option<Line>)> {
    let find =
        |pattern: &str, lines: &[Line]| lines.iter().position(|line| matches_pattern(pattern, &line.text));
    let lost = if from.is_empty() { None } else { Some(find(from, missing)?) };
    let got = if to.is_empty() { None } else { Some(find(to, extra)?) };
    Some((lost.map(|place| missing.remove(place)), got.map(|place| extra.remove(place))))
}

/// The first line that is out of order, with the line that came too early.
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
