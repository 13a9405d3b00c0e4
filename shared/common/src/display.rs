//! Texts that clients and operators chose, shown to people: what cannot be seen, or what changes how other text is
//! seen, is escaped.
//!
//! A name may contain characters that act on a terminal (C0 and C1 controls), reorder the text around it (bidirectional
//! controls), or have no width (joiners, variation selectors, tags, fillers). Two different names would look alike, and
//! a line could claim what it does not say.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes what cannot be seen in a text, as `\u{202e}`.
///
/// These are: controls, line and paragraph separators, format characters, variation selectors, tags, fillers, spaces
/// other than U+0020, and characters that are private or not assigned.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_visible(char) {
            shown.push(char);
        } else {
            shown.extend(char.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// Escapes the same in a JSON text, as `\u202e`. So a terminal is safe, and a parser reads the same values.
///
/// The text is valid JSON. Line ends and indentation between its values stay.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    let is_kept = |char: char| is_visible(char) || matches!(char, '\n' | '\r' | '\t');
    if json.chars().all(is_kept) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for char in json.chars() {
        if is_kept(char) {
            shown.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}

fn is_visible(char: char) -> bool {
    match char {
        ' '..='~' => true,
        '\0'..='\u{9f}' => false,
        _ => !is_ignorable(char) && is_printable(char),
    }
}

/// Whether a character has no glyph although Unicode counts it as a letter, a symbol or a mark.
fn is_ignorable(char: char) -> bool {
    matches!(char,
        '\u{34f}'                       // combining grapheme joiner
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'       // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'       // Mongolian variation selectors
        | '\u{2800}'                    // an empty Braille cell
        | '\u{fe00}'..='\u{fe0f}'       // variation selectors
        | '\u{fff0}'..='\u{ffff}'       // specials
        | '\u{1d159}'                   // an empty notehead
        | '\u{e0000}'..='\u{e0fff}'     // tags and further variation selectors
    )
}

/// Whether Unicode, in the version of the standard library, has assigned the character and gives it a glyph. A mark
/// that follows a letter has one.
fn is_printable(char: char) -> bool {
    let mut buffer = [0; 5];
    buffer[0] = b'a';
    let length = 1 + char.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..length]).is_ok_and(|text| text.escape_debug().nth(1) == Some(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that is escaped, with its escape.
    const HIDDEN: [(&str, &str, &str); 24] = [
        ("\0", "\\u{0}", "\\u0000"),
        ("\n", "\\u{a}", "\n"),
        ("\u{1b}", "\\u{1b}", "\\u001b"),
        ("\u{7f}", "\\u{7f}", "\\u007f"),
        ("\u{85}", "\\u{85}", "\\u0085"),
        ("\u{9b}", "\\u{9b}", "\\u009b"),
        ("\u{a0}", "\\u{a0}", "\\u00a0"),
        ("\u{ad}", "\\u{ad}", "\\u00ad"),
        ("\u{34f}", "\\u{34f}", "\\u034f"),
        ("\u{61c}", "\\u{61c}", "\\u061c"),
        ("\u{115f}", "\\u{115f}", "\\u115f"),
        ("\u{180e}", "\\u{180e}", "\\u180e"),
        ("\u{200b}", "\\u{200b}", "\\u200b"),
        ("\u{200d}", "\\u{200d}", "\\u200d"),
        ("\u{2028}", "\\u{2028}", "\\u2028"),
        ("\u{2029}", "\\u{2029}", "\\u2029"),
        ("\u{202e}", "\\u{202e}", "\\u202e"),
        ("\u{2067}", "\\u{2067}", "\\u2067"),
        ("\u{e000}", "\\u{e000}", "\\ue000"),
        ("\u{fe0f}", "\\u{fe0f}", "\\ufe0f"),
        ("\u{feff}", "\\u{feff}", "\\ufeff"),
        ("\u{ffff}", "\\u{ffff}", "\\uffff"),
        ("\u{e0041}", "\\u{e0041}", "\\udb40\\udc41"),
        ("\u{10fffd}", "\\u{10fffd}", "\\udbff\\udffd"),
    ];

    #[test]
    fn hidden_characters_are_escaped() {
        for (text, expected, in_json) in HIDDEN {
            assert_eq!(visible(&format!("a{text}b")), format!("a{expected}b"), "{expected}");
            assert_eq!(visible_json(&format!("a{text}b")), format!("a{in_json}b"), "{expected}");
        }
    }

    #[test]
    fn text_of_every_script_is_unchanged() {
        for text in [
            "alice",
            "Zoë",
            "e\u{301}",
            "żółć",
            "Алиса",
            "أليس",
            "אליס",
            "อลิซ",
            "愛麗絲",
            "앨리스",
            "📞",
            "a\\b",
            "",
        ] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
            assert!(matches!(visible_json(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
