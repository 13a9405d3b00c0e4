//! One line of the log: its end, its greatest length, and the line that reports lost ones.

use crate::options::LogFormat;
use serde_json::{Map, Value, json};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// The longest line, in bytes. A longer one is cut.
pub const MAX_LINE: usize = 16 * 1024;
/// What a report of lost lines names as its origin.
const TARGET: &str = "service::logging";
/// The longest text that a JSON line keeps when the line is too long.
const MAX_CUT_FIELD: usize = 1024;

/// Returns the text with one line end, cut if it is longer than [`MAX_LINE`]. What is left of a JSON line is a JSON
/// object too.
pub fn terminated(text: &str, format: LogFormat) -> String {
    let text = text.trim_end_matches('\n');
    let mut line = match format {
        _ if text.len() < MAX_LINE => text.to_owned(),
        LogFormat::Text => cut(text, MAX_LINE - 64),
        LogFormat::Json => cut_json(text),
    };
    line.push('\n');
    line
}

/// Returns the beginning of a text, with a note about the rest.
fn cut(text: &str, max: usize) -> String {
    let end = text.floor_char_boundary(max);
    if end == text.len() {
        text.to_owned()
    } else {
        format!("{}... ({} bytes cut)", &text[..end], text.len() - end)
    }
}

fn cut_json(text: &str) -> String {
    let mut fields: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    for value in fields.values_mut() {
        let long = match value {
            Value::String(long) => std::mem::take(long),
            Value::Array(_) | Value::Object(_) => value.to_string(),
            _ => continue,
        };
        *value = Value::String(cut(&long, MAX_CUT_FIELD));
    }
    let line = Value::Object(fields).to_string();
    // Control characters take six bytes in JSON.
    if line.len() > 2 && line.len() < MAX_LINE {
        line
    } else {
        json!({ "message": cut(text, MAX_LINE / 8) }).to_string()
    }
}

/// Returns the line that reports lost lines.
pub fn lost(lines: u64, format: LogFormat) -> String {
    let mut time = String::new();
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let message = match lines {
        1 => "1 log line was lost".to_owned(),
        more => format!("{more} log lines were lost"),
    };
    match format {
        LogFormat::Text => format!("{time}  WARN {}: {message}\n", TARGET),
        LogFormat::Json => {
            let line = json!({ "timestamp": time, "level": "WARN", "message": message, "lost": lines, "target": TARGET });
            format!("{line}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_end() {
        assert_eq!(terminated("a\n\n", LogFormat::Text), "a\n");
        assert_eq!(terminated("", LogFormat::Json), "\n");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = terminated(&"é".repeat(MAX_LINE), LogFormat::Text);
        assert!(line.len() <= MAX_LINE, "{}", line.len());
        assert!(
            line.ends_with(&format!("é... ({} bytes cut)\n", MAX_LINE + 64)),
            "{}",
            &line[MAX_LINE - 100..]
        );
    }

    #[test]
    fn a_long_json_line_stays_an_object() {
        let fields: Map<String, Value> =
            (0..4).map(|number| (number.to_string(), "\u{1}".repeat(9_000).into())).collect();
        let spans = json!([{ "call": "x".repeat(9_000) }]);
        for line in
            [json!({ "level": "WARN", "message": "x".repeat(99_999), "spans": spans }), Value::Object(fields)]
        {
            let cut = terminated(&line.to_string(), LogFormat::Json);
            assert!(cut.len() <= MAX_LINE, "{}", cut.len());
            let cut: Map<String, Value> = serde_json::from_str(&cut).unwrap();
            assert!(cut.get("level").is_none_or(|level| level == "WARN"), "{cut:?}");
        }
        let garbled = terminated(&"{".repeat(MAX_LINE), LogFormat::Json);
        assert!(serde_json::from_str::<Value>(&garbled).unwrap()["message"].is_string());
    }

    #[test]
    fn the_number_of_lost_lines_is_in_a_line() {
        assert!(lost(1, LogFormat::Text).ends_with(": 1 log line was lost\n"));
        let line: Value = serde_json::from_str(&lost(7, LogFormat::Json)).unwrap();
        assert_eq!((&line["message"], &line["lost"]), (&json!("7 log lines were lost"), &json!(7)));
    }
}
