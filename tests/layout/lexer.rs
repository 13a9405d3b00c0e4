//! Splits Rust source into tokens, without comments, as far as the rules need it.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    /// A string literal, with its quotes.
    Text,
    /// A number, a character, a lifetime or a sign. `::` and `=>` are one token each.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub line: usize,
}

impl Token<'_> {
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }
}

pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (kind, length) = next(rest, first);
        let text = &rest[..length];
        if let Some(kind) = kind {
            tokens.push(Token { kind, text, line });
        }
        line += text.matches('\n').count();
        at += length;
    }
    tokens
}

/// The kind (none for white space and comments) and the length in bytes of what `rest` begins with.
fn next(rest: &str, first: char) -> (Option<Kind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (None, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (None, block_comment(rest));
    }
    if let Some(length) = string(rest) {
        return (Some(Kind::Text), length);
    }
    if first == '\'' {
        return (Some(Kind::Other), character(rest));
    }
    if is_word(first) {
        let length = rest.find(|next: char| !is_word(next)).unwrap_or(rest.len());
        let kind = if first.is_ascii_digit() { Kind::Other } else { Kind::Word };
        return (Some(kind), length);
    }
    let sign = ["::", "=>", "->"].into_iter().find(|sign| rest.starts_with(sign));
    (Some(Kind::Other), sign.map_or(first.len_utf8(), str::len))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a plain, byte, C or raw string that `rest` begins with.
fn string(rest: &str) -> Option<usize> {
    let prefix = rest.find(|next: char| !matches!(next, 'b' | 'c' | 'r')).filter(|length| *length <= 2)?;
    let hashes = rest[prefix..].chars().take_while(|next| *next == '#').count();
    let body = prefix + hashes + 1;
    if !rest[prefix + hashes..].starts_with('"') {
        return None;
    }
    if rest[..prefix].contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(rest[body..].find(&end).map_or(rest.len(), |found| body + found + end.len()));
    }
    if hashes > 0 {
        return None;
    }
    let mut escaped = false;
    for (at, next) in rest[body..].char_indices() {
        if escaped {
            escaped = false;
        } else if next == '\\' {
            escaped = true;
        } else if next == '"' {
            return Some(body + at + 1);
        }
    }
    Some(rest.len())
}

/// The length of a character or of a lifetime.
fn character(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    let Some((_, first)) = characters.next() else { return 1 };
    if first == '\\' {
        // The character after the backslash may itself be a quote.
        return characters.skip(1).find(|(_, next)| *next == '\'').map_or(rest.len(), |(at, _)| at + 1);
    }
    match characters.next() {
        Some((at, '\'')) => at + 1,
        _ => 1 + rest[1..].find(|next: char| !is_word(next)).unwrap_or(rest.len() - 1).max(1),
    }
}

/// The index of the bracket that closes the one at `open`.
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len() - 1
}

#[test]
fn comments_strings_and_lifetimes_are_distinguished() {
    let source = r##"/* a /* nested */ comment */ fn f<'a>(c: char) -> &'a str { // "no string"
        let s = r#"a "raw" string"#; match c { '\'' | '"' => b"bytes", _ => "a \" quote" } }"##;
    let found = tokens(source);
    let texts: Vec<_> =
        found.iter().filter(|token| token.kind == Kind::Text).map(|token| token.text).collect();
    assert_eq!(texts, ["r#\"a \"raw\" string\"#", "b\"bytes\"", "\"a \\\" quote\""]);
    let words: Vec<_> =
        found.iter().filter(|token| token.kind == Kind::Word).map(|token| token.text).collect();
    assert_eq!(words, ["fn", "f", "c", "char", "str", "let", "s", "match", "c", "_"]);
    assert!(found.iter().any(|token| token.is("'a")), "{found:?}");
    assert_eq!(found.last().unwrap().line, 2);
}
