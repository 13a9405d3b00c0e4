//! Prints a difference: both lines, with the messages around them.

use super::recording::{Line, Track};
use std::fmt::Write;

/// Number of lines shown before and after.
const AROUND: usize = 4;
/// Maximum length of a printed line.
const WIDTH: usize = 420;

/// Lines that only one of the two received.
pub fn unlike(missing: &[Line], extra: &[Line], janus: &Track, switchboard: &Track) -> String {
    let mut text = format!("{} receives different messages:\n", janus.name);
    let mut extra = extra.to_vec();
    for line in missing {
        let twin = extra.iter().position(|it| is_twin(it, line)).map(|place| extra.remove(place));
        pair(&mut text, Some(line), twin.as_ref());
        around(&mut text, "at Janus", janus, line);
    }
    for line in &extra {
        pair(&mut text, None, Some(line));
        around(&mut text, "at Switchboard", switchboard, line);
    }
    text
}

/// Lines that both received, in an order that Janus does not allow.
pub fn out_of_order(expected: &Line, early: &Line, janus: &Track, switchboard: &Track) -> String {
    let mut text = format!("{} receives messages in another order:\n", janus.name);
    let _ = writeln!(text, "    comes first at Janus:       {}", brief(&expected.text));
    let _ = writeln!(text, "    comes first at Switchboard: {}", brief(&early.text));
    around(&mut text, "at Janus", janus, expected);
    around(&mut text, "at Switchboard", switchboard, early);
    text
}

/// Whether two lines are probably the same message with different contents.
fn is_twin(one: &Line, other: &Line) -> bool {
    let word = |line: &Line| line.label.split(' ').next().unwrap_or_default().to_owned();
    one.transaction == other.transaction && (!one.transaction.is_empty() || word(one) == word(other))
}

fn pair(text: &mut String, janus: Option<&Line>, switchboard: Option<&Line>) {
    let (one, other) = (janus.map_or("", |it| &it.text), switchboard.map_or("", |it| &it.text));
    let start = match (janus, switchboard) {
        (Some(_), Some(_)) => one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    for (name, line) in [("Janus:      ", one), ("Switchboard:", other)] {
        let shown = if line.is_empty() { "(nothing)".to_owned() } else { from(line, start) };
        let _ = writeln!(text, "    {name} {shown}");
    }
}

/// The line, or the part of a long line around the first difference.
fn from(line: &str, start: usize) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let skipped: String = line.chars().skip(start.saturating_sub(80)).take(WIDTH).collect();
    format!("{} ... {skipped}", line.chars().take(120).collect::<String>())
}

fn around(text: &mut String, server: &str, track: &Track, line: &Line) {
    let Some(place) = track.lines.iter().position(|it| it.text == line.text && it.sent == line.sent) else {
        return;
    };
    let _ = writeln!(text, "      {server}:");
    for (at, shown) in track.lines.iter().enumerate() {
        if at.abs_diff(place) <= AROUND {
            let marker = if at == place { '*' } else { ' ' };
            let arrow = if shown.sent { '>' } else { '<' };
            let _ = writeln!(text, "      {marker} {arrow} {}", brief(&shown.text));
        }
    }
}

/// The line, truncated.
pub fn brief(line: &str) -> String {
    match line.char_indices().nth(240) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_owned(),
    }
}
