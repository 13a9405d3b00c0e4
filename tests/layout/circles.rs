//! Finds the files of a crate that import each other, directly or through others: import cycles.
//!
//! File A imports file B if A names, in a `use` or in a path such as `super::Item` or `child::function`, an
//! item that B defines. A re-export is followed to the file that defines the item, so that an item may be named
//! through any module. Thus:
//!
//! * `mod child;` is no import, and neither is a re-export (`pub use child::Item;`) of a name that the file
//!   itself does not use.
//! * A parent that uses `child::Item` while the child uses `super::Other` is in a circle if the parent defines
//!   `Other`, and is in none if the parent has it from elsewhere. A type that both need has a file of its own.
//! * A method that is called on a value is not a path. A child may hold an `impl` block of its parent's type,
//!   and the parent may call its methods.
//! * What only tests import does not count.

use super::lexer::{Kind, Token};
use super::modules::{Module, Sources, read, use_tree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files that each file imports.
type Imports<'a> = BTreeMap<&'a Path, BTreeSet<&'a Path>>;

/// The circles of a crate, each as the files that reach each other.
pub fn circles(sources: &Sources) -> Vec<Vec<String>> {
    let modules = read(sources);
    let imports = imports(&modules);
    let reached: BTreeMap<_, _> = imports.keys().map(|file| (*file, reached_from(file, &imports))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        let back = |other: &&&Path| reached.get(*other).is_some_and(|reached| reached.contains(file));
        let circle: Vec<_> = others.iter().filter(back).map(|other| other.display().to_string()).collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reached_from<'a>(file: &Path, imports: &Imports<'a>) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<_> = imports.get(file).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(*next) {
            open.extend(imports.get(next).into_iter().flatten());
        }
    }
    reached
}

fn imports<'a>(modules: &[Module<'a>]) -> Imports<'a> {
    let mut imports = Imports::new();
    for (number, module) in modules.iter().enumerate() {
        for file in imported_by(modules, number) {
            if file != module.file {
                imports.entry(module.file).or_default().insert(file);
            }
        }
    }
    imports
}

/// The files that hold what a module names.
fn imported_by<'a>(modules: &[Module<'a>], number: usize) -> Vec<&'a Path> {
    let module = &modules[number];
    let words = module.code.iter().filter(|token| token.kind == Kind::Word);
    let used: BTreeSet<_> = words.map(|token| token.text).collect();
    let named = module.imports.iter().filter(|import| !import.is_reexport || used.contains(import.name));
    let paths = named.map(|import| import.path.clone()).chain(paths(&module.code));
    let mut found: Vec<_> =
        paths.filter_map(|path| resolve(modules, number, &path, &mut BTreeSet::new())).collect();
    for import in module.imports.iter().filter(|import| import.name == "*") {
        match resolve(modules, number, &import.path, &mut BTreeSet::new()) {
            Some(Found::Module(other)) => {
                let look_up = |name: &&'a str| look_up(modules, other, name, &mut BTreeSet::new());
                found.extend(used.iter().filter_map(look_up));
            }
            item => found.extend(item),
        }
    }
    found.into_iter().filter_map(Found::file).collect()
}

/// The paths in a module's code, and what functions import by a `use` of their own.
fn paths<'a>(code: &[Token<'a>]) -> Vec<Vec<&'a str>> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < code.len() {
        if code[at].is("use") {
            at = use_tree(code, at + 1, &[], &mut |_, path| paths.push(path));
            continue;
        }
        let mut path = Vec::new();
        while code[at].kind == Kind::Word {
            path.push(code[at].text);
            if !(code.get(at + 1).is_some_and(|token| token.is("::")) && at + 2 < code.len()) {
                break;
            }
            at += 2;
        }
        if path.len() > 1 {
            paths.push(path);
        }
        at += 1;
    }
    paths
}

#[derive(Clone, Copy)]
enum Found<'a> {
    Module(usize),
    /// An item that this file defines.
    Item(&'a Path),
}

impl<'a> Found<'a> {
    /// A module as such is no import: the paths that lead through it are.
    fn file(self) -> Option<&'a Path> {
        match self {
            Self::Module(_) => None,
            Self::Item(file) => Some(file),
        }
    }
}

/// Returns what a path names within a module, or none if it leads out of the crate. `seen` holds the names
/// that are being looked up, since imports may be circular.
fn resolve<'a>(
    modules: &[Module<'a>],
    from: usize,
    path: &[&'a str],
    seen: &mut BTreeSet<(usize, &'a str)>,
) -> Option<Found<'a>> {
    let mut module = from;
    for (place, name) in path.iter().enumerate() {
        match *name {
            "crate" if place == 0 => module = 0,
            "self" if place == 0 => {}
            "super" => module = modules[module].parent?,
            name => match look_up(modules, module, name, seen) {
                Some(Found::Module(found)) => module = found,
                Some(item) => return Some(item),
                // A macro may have defined it there.
                None if place > 0 => return Some(Found::Item(modules[module].file)),
                None => return None,
            },
        }
    }
    Some(Found::Module(module))
}

/// Returns the item or module that a name refers to within a module.
fn look_up<'a>(
    modules: &[Module<'a>],
    number: usize,
    name: &'a str,
    seen: &mut BTreeSet<(usize, &'a str)>,
) -> Option<Found<'a>> {
    let module = &modules[number];
    if module.items.contains(name) {
        return Some(Found::Item(module.file));
    }
    if let Some(child) = module.children.get(name) {
        return Some(Found::Module(*child));
    }
    if !seen.insert((number, name)) {
        return None;
    }
    let found = module.imports.iter().find_map(|import| {
        if import.name == name {
            resolve(modules, number, &import.path, seen)
        } else if import.name == "*" {
            let Found::Module(other) = resolve(modules, number, &import.path, seen)? else { return None };
            look_up(modules, other, name, seen)
        } else {
            None
        }
    });
    seen.remove(&(number, name));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        circles(&files.iter().map(|(file, source)| (file.into(), (*source).to_owned())).collect())
    }

    #[test]
    fn files_that_import_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B; struct A;"),
            ("b.rs", "struct B(super::c::C);"),
            ("c.rs", "struct C; fn f() { use crate::{a::A, d}; }"),
            ("d.rs", "use crate::a::A;"),
        ];
        assert_eq!(circles_of(&files), [["a.rs", "b.rs", "c.rs"]]);
        assert!(circles_of(&files[..3]).is_empty());
    }

    #[test]
    fn a_child_and_its_parent_are_a_circle() {
        let child = ("a/child.rs", "use super::Other; pub fn function() {}");
        let parent = "mod child; pub struct Other; fn f() { child::function() }";
        let circle = [("lib.rs", "mod a;"), ("a/mod.rs", parent), child];
        assert_eq!(circles_of(&circle), [["a/child.rs", "a/mod.rs"]]);
    }

    #[test]
    fn a_child_may_use_what_its_parent_has_from_elsewhere() {
        let files = [
            ("lib.rs", "mod a; mod other; pub use other::*;"),
            ("other.rs", "pub struct Other;"),
            (
                "a.rs",
                "mod child; use crate::Other; pub use child::Shown; fn f(_: Other) { child::function() }",
            ),
            ("a/child.rs", "use super::Other; pub fn function() {} pub struct Shown;"),
        ];
        assert!(circles_of(&files).is_empty());
    }

    #[test]
    fn a_declaration_and_a_bare_reexport_are_no_imports() {
        let child = ("child.rs", "pub struct Shown(super::Limit);");
        let bare = ("lib.rs", "mod child; pub use child::Shown; pub struct Limit;");
        assert!(circles_of(&[bare, child]).is_empty());
        let used = ("lib.rs", "mod child; pub use child::Shown; pub struct Limit(Box<Shown>);");
        assert_eq!(circles_of(&[used, child]), [["child.rs", "lib.rs"]]);
    }

    #[test]
    fn a_glob_and_a_module_by_another_name_are_followed() {
        let by_glob = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use super::b::*; pub struct A(B);"),
            ("b.rs", "use crate::a as first; pub struct B(Option<Box<first::A>>);"),
        ];
        assert_eq!(circles_of(&by_glob), [["a.rs", "b.rs"]]);
    }

    #[test]
    fn what_tests_import_does_not_count() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A; #[cfg(test)] mod tests;"),
            (
                "b.rs",
                "pub struct B; #[cfg(test)] mod tests { use crate::a::A; } #[test] fn t() { crate::a::A; }",
            ),
            ("a/tests.rs", "use super::A;"),
        ];
        assert!(circles_of(&files).is_empty());
    }
}
