//! The style of the JSON that clients receive, as in the setting `json` of Janus (`janus_websockets.c`).

use clap::ValueEnum;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum JsonStyle {
    /// Over several lines, three spaces a level
    Indented,
    /// On one line, with spaces
    Plain,
    /// Without spaces
    #[default]
    Compact,
}

impl JsonStyle {
    /// Rewrites a compact message; its members and their order stay the same.
    pub fn apply(self, compact: String) -> String {
        let styled = match self {
            Self::Compact => return compact,
            Self::Plain => transcode(&compact, PlainFormatter(CompactFormatter)),
            Self::Indented => transcode(&compact, PrettyFormatter::with_indent(b"   ")),
        };
        styled.unwrap_or(compact)
    }
}

/// Returns none for JSON that cannot be rewritten, such as numbers that fit no machine type.
fn transcode<F: Formatter>(compact: &str, formatter: F) -> Option<String> {
    let mut written = Vec::with_capacity(compact.len() * 2);
    let mut reader = serde_json::Deserializer::from_str(compact);
    serde_transcode::transcode(&mut reader, &mut Serializer::with_formatter(&mut written, formatter)).ok()?;
    String::from_utf8(written).ok()
}

/// Compact, with a space behind each comma and colon.
struct PlainFormatter(CompactFormatter);

impl Formatter for PlainFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPACT: &str = r#"{"janus":"event","n":9007199254740991,"list":[1,"a:b,c"],"none":{},"é":null}"#;

    #[test]
    fn styles_have_the_same_content() {
        let plain =
            r#"{"janus": "event", "n": 9007199254740991, "list": [1, "a:b,c"], "none": {}, "é": null}"#;
        assert_eq!(JsonStyle::Plain.apply(COMPACT.to_owned()), plain);
        assert_eq!(JsonStyle::Compact.apply(COMPACT.to_owned()), COMPACT);
        let indented = JsonStyle::Indented.apply(COMPACT.to_owned());
        assert!(
            indented.starts_with("{\n   \"janus\": \"event\",\n   \"n\": 9007199254740991,\n"),
            "{indented}"
        );
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(&indented), parse(COMPACT));
    }

    #[test]
    fn json_that_cannot_be_rewritten_stays_unchanged() {
        let huge = format!(r#"{{"n":1{}}}"#, "0".repeat(400));
        assert_eq!(JsonStyle::Plain.apply(huge.clone()), huge);
    }
}
