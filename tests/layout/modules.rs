//! Reads the files of a crate as a tree of modules, each with what it defines and what it imports.

use super::lexer::{Kind, Token, closing, tokens};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The sources of one crate: paths relative to its `src`.
pub type Sources = BTreeMap<PathBuf, String>;

pub struct Module<'a> {
    /// None for the root of the crate.
    pub parent: Option<usize>,
    pub file: &'a Path,
    pub children: BTreeMap<&'a str, usize>,
    /// The names of the items that the module itself defines.
    pub items: BTreeSet<&'a str>,
    pub imports: Vec<Import<'a>>,
    /// Everything but `use`, tests and the insides of inline modules.
    pub code: Vec<Token<'a>>,
}

/// One name that a `use` brings in, or `*`.
#[derive(Clone, Debug, PartialEq)]
pub struct Import<'a> {
    pub name: &'a str,
    pub path: Vec<&'a str>,
    pub is_reexport: bool,
}

/// The modules of a crate, the root first. What is compiled for tests only is left out.
pub fn read(sources: &Sources) -> Vec<Module<'_>> {
    let found = ["lib.rs", "main.rs"].map(Path::new).into_iter().find_map(|name| sources.get_key_value(name));
    let mut reader = Reader { sources, modules: Vec::new() };
    if let Some((file, source)) = found {
        let root = reader.add(None, file);
        reader.read(root, &tokens(source), Path::new(""));
    }
    reader.modules
}

struct Reader<'a> {
    sources: &'a Sources,
    modules: Vec<Module<'a>>,
}

impl<'a> Reader<'a> {
    fn add(&mut self, parent: Option<usize>, file: &'a Path) -> usize {
        let (children, items) = (BTreeMap::new(), BTreeSet::new());
        self.modules.push(Module { parent, file, children, items, imports: Vec::new(), code: Vec::new() });
        self.modules.len() - 1
    }

    /// Reads the items of a module, whose children have their files in `folder`.
    fn read(&mut self, module: usize, tokens: &[Token<'a>], folder: &Path) {
        let mut at = 0;
        while at < tokens.len() {
            let head = head(tokens, at);
            let Some(keyword) = tokens.get(head.keyword) else { break };
            let end = end_of_item(tokens, head.keyword);
            let item = &tokens[head.keyword..end];
            if !head.is_test {
                match keyword.text {
                    "mod" => self.read_child(module, item, folder),
                    "use" => {
                        let mut imports = Vec::new();
                        use_tree(item, 1, &[], &mut |name, path| {
                            imports.push(Import { name, path, is_reexport: head.is_public });
                        });
                        self.modules[module].imports.extend(imports);
                    }
                    _ => {
                        self.modules[module].items.extend(defined(item));
                        self.modules[module].code.extend(&tokens[at..end]);
                    }
                }
            }
            at = end;
        }
    }

    /// Reads `mod name;` or `mod name { .. }`.
    fn read_child(&mut self, parent: usize, item: &[Token<'a>], folder: &Path) {
        let name = item[1].text;
        let folder = folder.join(name);
        if item[2].is("{") {
            let child = self.add(Some(parent), self.modules[parent].file);
            self.modules[parent].children.insert(name, child);
            self.read(child, &item[3..item.len() - 1], &folder);
            return;
        }
        let files = [folder.with_extension("rs"), folder.join("mod.rs")];
        if let Some((file, source)) = files.iter().find_map(|file| self.sources.get_key_value(file)) {
            let child = self.add(Some(parent), file);
            self.modules[parent].children.insert(name, child);
            self.read(child, &tokens(source), &folder);
        }
    }
}

/// The tokens before the keyword of an item: its attributes and visibility.
struct Head {
    keyword: usize,
    is_test: bool,
    is_public: bool,
}

fn head(tokens: &[Token], mut at: usize) -> Head {
    let is = |place: usize, text: &str| tokens.get(place).is_some_and(|token: &Token| token.is(text));
    let mut is_test = false;
    while is(at, "#") {
        let open = at + 1 + usize::from(is(at + 1, "!"));
        let close = closing(tokens, open);
        let text: Vec<_> = tokens[open + 1..close].iter().map(|token| token.text).collect();
        let tests = [&["test"][..], &["tokio", "::", "test"], &["cfg", "(", "test"]];
        is_test |= tests.iter().any(|start| text.starts_with(start));
        at = close + 1;
    }
    let is_public = is(at, "pub");
    if is_public {
        at += 1;
        if is(at, "(") {
            at = closing(tokens, at) + 1;
        }
    }
    while ["async", "unsafe", "default"].iter().any(|word| is(at, word))
        || is(at, "const") && ["fn", "async", "unsafe"].iter().any(|word| is(at + 1, word))
    {
        at += 1;
    }
    Head { keyword: at, is_test, is_public }
}

/// The index after an item: its `;`, or the end of its block.
fn end_of_item(tokens: &[Token], keyword: usize) -> usize {
    let ends_with_block = !["use", "const", "static", "type"].contains(&tokens[keyword].text);
    let mut at = keyword;
    while at < tokens.len() {
        match tokens[at].text {
            ";" => return at + 1,
            "{" if ends_with_block => return closing(tokens, at) + 1,
            "(" | "[" | "{" => at = closing(tokens, at),
            _ => {}
        }
        at += 1;
    }
    tokens.len()
}

/// The name that an item defines.
fn defined<'a>(item: &[Token<'a>]) -> Option<&'a str> {
    let name = match item[0].text {
        "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" => item.get(1),
        "macro_rules" => item.get(2),
        _ => None,
    };
    name.filter(|name| name.kind == Kind::Word).map(|name| name.text)
}

/// Calls `found` with each name that a tree of `use` brings in, and its path; returns the index after the tree.
pub fn use_tree<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    prefix: &[&'a str],
    found: &mut impl FnMut(&'a str, Vec<&'a str>),
) -> usize {
    let mut path = prefix.to_vec();
    let is = |place: usize, text: &str| tokens.get(place).is_some_and(|token: &Token| token.is(text));
    while at < tokens.len() {
        match tokens[at].text {
            "::" => at += 1,
            "*" => {
                found("*", path);
                return at + 1;
            }
            "{" => {
                at += 1;
                while !is(at, "}") && at < tokens.len() {
                    at = use_tree(tokens, at, &path, found);
                    at += usize::from(is(at, ","));
                }
                return at + 1;
            }
            name => {
                if name != "self" || path.is_empty() {
                    path.push(name);
                }
                at += 1;
                if is(at, "::") {
                    continue;
                }
                let renamed = is(at, "as");
                let last = path[path.len() - 1];
                found(if renamed { tokens[at + 1].text } else { last }, path);
                return at + 2 * usize::from(renamed);
            }
        }
    }
    at
}

#[test]
fn imports_are_read_from_trees() {
    let source = "use a::{self, b::{C, D as E}, f::*};";
    let mut found = Vec::new();
    use_tree(&tokens(source), 1, &[], &mut |name, path| found.push((name, path.join("::"))));
    let expected = [("a", "a"), ("C", "a::b::C"), ("E", "a::b::D"), ("*", "a::f")];
    assert_eq!(found, expected.map(|(name, path)| (name, path.to_owned())));
}

#[test]
fn files_inline_modules_and_tests_are_found() {
    let lib = "mod a; pub(crate) mod inline { pub fn f() {} mod b; } #[cfg(test)] mod tests { struct T; }
        pub const fn c() {} const TABLE: [u8; 2] = [{ 1 }, 2]; macro_rules! m { () => {} } pub use a::A;";
    let files = [("lib.rs", lib), ("a/mod.rs", "pub struct A(u8);"), ("inline/b.rs", "static S: u8 = 0;")];
    let sources = files.map(|(file, source)| (PathBuf::from(file), source.to_owned())).into();
    let modules = read(&sources);
    let shown: Vec<_> = modules.iter().map(|module| (module.file.to_str().unwrap(), &module.items)).collect();
    let items = |names: &[&'static str]| BTreeSet::from_iter(names.iter().copied());
    assert_eq!(shown[0], ("lib.rs", &items(&["TABLE", "c", "m"])));
    assert_eq!(shown[1], ("a/mod.rs", &items(&["A"])));
    assert_eq!(shown[2], ("lib.rs", &items(&["f"])));
    assert_eq!(shown[3], ("inline/b.rs", &items(&["S"])));
    let import = Import { name: "A", path: vec!["a", "A"], is_reexport: true };
    assert_eq!(modules[0].imports, [import]);
}
