//! How events become lines of the log. Fields may have what clients wrote, so hidden characters in them are escaped: no
//! line can act on a terminal, hide a part of itself, or look like two.

use common::display::{visible, visible_json};
use std::fmt::{Debug, Result};
use tracing::field::Field;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// Writes a field of a text line: the message as it is, any other as `name=value`.
pub(crate) fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> Result {
    let text = format!("{value:?}");
    match field.name() {
        "message" => write!(writer, "{}", visible(&text)),
        name => write!(writer, "{}={}", name.trim_start_matches("r#"), visible(&text)),
    }
}

/// A format of JSON lines, with hidden characters escaped.
pub(crate) struct VisibleJson<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for VisibleJson<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&visible_json(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Seek};
    use tracing_subscriber::field::MakeExt;
    use tracing_subscriber::fmt::format::debug_fn;

    const NAME: &str = "a\u{202e}\u{200b}\u{9b}2J\u{1b}[2J\nb";

    fn writer(lines: &File) -> impl Fn() -> File + use<> {
        let lines = lines.try_clone().unwrap();
        move || lines.try_clone().unwrap()
    }

    fn read(mut lines: File) -> String {
        let mut text = String::new();
        lines.rewind().unwrap();
        lines.read_to_string(&mut text).unwrap();
        text
    }

    fn log() {
        tracing::info_span!("request", user = %NAME).in_scope(|| {
            tracing::info!(name = NAME, shown = %NAME, r#type = 7, "{NAME} is here");
        });
    }

    #[test]
    fn hidden_characters_are_escaped_in_text_lines() {
        let lines = tempfile::tempfile().unwrap();
        let format = tracing_subscriber::fmt().with_ansi(false).with_writer(writer(&lines));
        let format = format.fmt_fields(debug_fn(write_field).delimited(" "));
        tracing::subscriber::with_default(format.finish(), log);
        let text = read(lines);
        let escaped = "a\\u{202e}\\u{200b}\\u{9b}2J\\u{1b}[2J\\u{a}b";
        assert!(text.contains(&format!("request{{user={escaped}}}: ")), "{text}");
        assert!(text.contains(&format!(" {escaped} is here name=\"a\\u{{202e}}")), "{text}");
        assert!(text.contains(&format!(" shown={escaped} type=7\n")), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn hidden_characters_are_escaped_in_json_lines() {
        let lines = tempfile::tempfile().unwrap();
        let format = tracing_subscriber::fmt().with_writer(writer(&lines)).json().flatten_event(true);
        tracing::subscriber::with_default(format.map_event_format(VisibleJson).finish(), log);
        let text = read(lines);
        assert!(!text.contains(['\u{202e}', '\u{200b}', '\u{9b}', '\u{1b}']), "{text:?}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["name"], &line["shown"]), (&NAME.into(), &NAME.into()));
        assert_eq!((text.lines().count(), &line["span"]["user"]), (1, &NAME.into()));
    }
}
