//! The names that a source file gives to things, and those that it writes into strings.

use super::lexer::{Kind, Token, closing, tokens};
use super::modules::{Sources, read};
use std::collections::BTreeMap;

/// The kind of thing that a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Module,
    Type,
    Function,
    Constant,
    Macro,
    Field,
    Variant,
    Key,
    Metric,
    Flag,
    Alert,
    /// A member of a JSON document.
    Member,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Name<'a> {
    pub what: What,
    pub name: &'a str,
    pub line: usize,
}

/// The names in a Rust file, those of tests too.
pub fn of_rust(source: &str) -> Vec<Name<'_>> {
    let tokens = tokens(source);
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        let token = tokens[at];
        if token.kind == Kind::Text {
            names.extend(of_string(token.text, token.line));
        }
        let Some((what, name)) = definition(&tokens[at..]) else { continue };
        names.push(Name { what, name: name.text, line: name.line });
        let open =
            tokens[at..].iter().position(|next| matches!(next.text, "{" | "(" | ";")).map(|open| at + open);
        if let Some(open) = open.filter(|open| tokens[*open].is("{")) {
            let body = &tokens[open + 1..closing(&tokens, open)];
            match token.text {
                "struct" => fields(body, &mut names),
                "enum" => variants(body, &mut names),
                _ => {}
            }
        }
    }
    names
}

/// What the item that begins with `tokens` is, and its name.
fn definition<'a>(tokens: &[Token<'a>]) -> Option<(What, Token<'a>)> {
    let (keyword, name) = (tokens.first()?, tokens.get(1)?);
    let what = match keyword.text {
        "mod" => What::Module,
        "struct" | "enum" | "trait" | "type" => What::Type,
        "fn" => What::Function,
        "const" | "static" if tokens.get(2)?.is(":") => What::Constant,
        "macro_rules" => return Some((What::Macro, *tokens.get(2)?)),
        _ => return None,
    };
    (name.kind == Kind::Word && keyword.kind == Kind::Word).then_some((what, *name))
}

/// The names of the fields that stand between two braces.
fn fields<'a>(body: &[Token<'a>], names: &mut Vec<Name<'a>>) {
    for field in split(body) {
        if let [name, colon, ..] = field
            && colon.is(":")
        {
            names.push(Name { what: What::Field, name: name.text, line: name.line });
        }
    }
}

fn variants<'a>(body: &[Token<'a>], names: &mut Vec<Name<'a>>) {
    for variant in split(body) {
        let Some(name) = variant.first() else { continue };
        names.push(Name { what: What::Variant, name: name.text, line: name.line });
        if variant.get(1).is_some_and(|token| token.is("{")) {
            fields(&variant[2..variant.len() - 1], names);
        }
    }
}

/// The parts between commas, without attributes and `pub`.
fn split<'s, 'a>(body: &'s [Token<'a>]) -> Vec<&'s [Token<'a>]> {
    let mut parts = Vec::new();
    let (mut start, mut at, mut angles) = (0, 0, 0);
    while at < body.len() {
        match body[at].text {
            "#" if at == start => {
                at = closing(body, at + 1);
                start = at + 1;
            }
            "pub" if at == start => {
                if body.get(at + 1).is_some_and(|token| token.is("(")) {
                    at = closing(body, at + 1);
                }
                start = at + 1;
            }
            "(" | "[" | "{" => at = closing(body, at),
            "<" => angles += 1,
            ">" => angles -= 1,
            "," if angles == 0 => {
                parts.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&body[start..]);
    parts
}

/// The names in a file that is not Rust: keys, metrics and flags, and what else its kind names.
pub fn of_document<'a>(file: &str, source: &'a str) -> Vec<Name<'a>> {
    let mut names = Vec::new();
    for (line, text) in source.lines().enumerate().map(|(at, text)| (at + 1, text)) {
        names.extend(of_string(text, line));
        let mut add = |what, name| names.push(Name { what, name, line });
        let mut words = text.split(|character: char| !character.is_alphanumeric() && character != '_');
        match file.rsplit('.').next() {
            Some("js" | "lua") => {
                match words.find(|word| ["function", "class", "const", "let"].contains(word)) {
                    Some("function") => add(What::Function, words.next().unwrap_or_default()),
                    Some("class") => add(What::Type, words.next().unwrap_or_default()),
                    Some(_) => add(What::Constant, words.next().unwrap_or_default()),
                    None => {}
                }
            }
            Some("yml" | "yaml") => {
                if let Some(alert) = text.trim_start().strip_prefix("- alert: ") {
                    add(What::Alert, alert);
                }
            }
            Some("json") => {
                if let Some((member, _)) =
                    text.trim_start().strip_prefix('"').and_then(|text| text.split_once("\": "))
                {
                    add(What::Member, member);
                }
            }
            _ => {}
        }
    }
    names
}

/// The Redis keys, metrics and flags in a text.
fn of_string(text: &str, line: usize) -> Vec<Name<'_>> {
    let mut names = Vec::new();
    let starts = [("sb:", What::Key), ("switchboard_", What::Metric), ("--", What::Flag)];
    for (start, what) in starts {
        for (at, _) in text.match_indices(start) {
            let is_part = |character: char| match what {
                What::Flag => character.is_ascii_alphanumeric() || character == '-',
                What::Metric => character.is_ascii_alphanumeric() || character == '_',
                _ => character.is_ascii_alphanumeric() || "_:{}.*".contains(character),
            };
            let before = text[..at].chars().next_back();
            if before.is_some_and(|before| before.is_ascii_alphanumeric() || before == '-') {
                continue;
            }
            let length = text[at..].find(|character| !is_part(character)).unwrap_or(text.len() - at);
            names.push(Name { what, name: &text[at..at + length], line });
        }
    }
    names
}

/// The type names that a crate defines more than once, and the files that do.
pub fn types_defined_twice(sources: &Sources) -> BTreeMap<String, Vec<String>> {
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for module in read(sources) {
        let mut depth = 0;
        for (at, token) in module.code.iter().enumerate() {
            match token.text {
                "{" => depth += 1,
                "}" => depth -= 1,
                // One in braces belongs to a trait or to an implementation of it.
                "type" if depth > 0 => continue,
                _ => {}
            }
            if let Some((What::Type, name)) = definition(&module.code[at..]) {
                types.entry(name.text.to_owned()).or_default().push(module.file.display().to_string());
            }
        }
    }
    types.retain(|_, files| files.len() > 1);
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_source_is_found() {
        let source = r#"mod a; macro_rules! b { () => {} } const C: u8 = 0; static D: u8 = 0;
            #[derive(Clone)] pub struct E<T> { #[serde(skip)] pub(crate) f: Map<T, u8>, g: [u8; 2] }
            pub enum H { I, J(u8), K { l: u8 }, #[default] M } trait N { type O; const fn p(&self) -> u8; }
            fn q(r: u8) -> Result<(), E> { let s = S { t: r }; "sb:{key} switchboard_metric --some-flag a--b" }"#;
        let found = of_rust(source);
        let names =
            |what| found.iter().filter(|name| name.what == what).map(|name| name.name).collect::<Vec<_>>();
        assert_eq!(names(What::Module), ["a"]);
        assert_eq!(names(What::Macro), ["b"]);
        assert_eq!(names(What::Constant), ["C", "D"]);
        assert_eq!(names(What::Type), ["E", "H", "N", "O"]);
        assert_eq!(names(What::Field), ["f", "g", "l"]);
        assert_eq!(names(What::Variant), ["I", "J", "K", "M"]);
        assert_eq!(names(What::Function), ["p", "q"]);
        assert_eq!(names(What::Key), ["sb:{key}"]);
        assert_eq!(names(What::Metric), ["switchboard_metric"]);
        assert_eq!(names(What::Flag), ["--some-flag"]);
    }

    #[test]
    fn names_of_documents_are_found() {
        for (file, source, what, name) in [
            ("a.js", "export async function draw(a) {", What::Function, "draw"),
            ("a.js", "const LIMIT = 3;", What::Constant, "LIMIT"),
            ("a.lua", "local function add(a)", What::Function, "add"),
            ("a.yml", "      - alert: QueueFull", What::Alert, "QueueFull"),
            ("a.json", "    \"streams\": {", What::Member, "streams"),
            ("a.md", "With `--some-flag` it", What::Flag, "--some-flag"),
        ] {
            assert_eq!(of_document(file, source), [Name { what, name, line: 1 }], "{file}");
        }
    }

    #[test]
    fn types_are_counted_by_crate_and_without_tests() {
        let files = [
            ("lib.rs", "mod a; mod b; struct Twice; trait T { type Of; }"),
            ("a.rs", "type Twice = u8; struct Once; impl T for Once { type Of = u8; }"),
            ("b.rs", "impl T for u8 { type Of = u8; } #[cfg(test)] mod tests { struct Once; }"),
        ];
        let sources = files.map(|(file, source)| (file.into(), source.to_owned())).into();
        let twice = types_defined_twice(&sources);
        assert_eq!(
            twice.into_iter().collect::<Vec<_>>(),
            [("Twice".into(), vec!["lib.rs".into(), "a.rs".into()])]
        );
    }
}
