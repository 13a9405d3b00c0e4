//! The rules of layout and naming that ARCHITECTURE.md and CONTRIBUTING.md state, checked on the manifests and
//! on the source files:
//!
//! * packages depend on each other in one direction, and few may use an outside protocol;
//! * no source file is longer than [`MAX_LINES`];
//! * no name holds a word of the list in `words.rs`;
//! * no files of a crate import each other, directly or through others (`circles.rs` defines an import);
//! * no crate defines a type name twice, tests aside;
//! * every file that ARCHITECTURE.md names exists, and a message passes no more files than it promises.

mod circles;
mod lexer;
mod modules;
mod names;
mod pages;
mod words;

use modules::Sources;
use names::{Name, What};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const SERVICES: [&str; 5] = ["edge", "router", "connector", "rest", "load"];
/// What bus and directory may build on.
const STORE_BASE: [&str; 3] = ["common", "protocol", "redis_connection"];
const MAX_LINES: usize = 400;
/// Holds the forbidden words and samples of their use.
const WORD_LIST: &str = "tests/layout/words.rs";

/// The packages that each package of the workspace needs, without those that only its tests need.
type Dependencies = BTreeMap<String, Vec<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Value {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    serde_json::from_slice(&metadata.stdout).unwrap()
}

fn dependencies() -> Dependencies {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|package| (text(&package["name"]), dependencies_of(package))).collect()
}

fn dependencies_of(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| text(&dependency["name"]))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The packages that depend on `name`, without the `allowed` ones.
fn forbidden_users(dependencies: &Dependencies, name: &str, allowed: &[&str]) -> Vec<String> {
    let users = dependencies.iter().filter(|(_, needed)| needed.iter().any(|needed| needed == name));
    users.map(|(user, _)| user.clone()).filter(|user| !allowed.contains(&user.as_str())).collect()
}

/// The text of every file that git knows or would add, by its path.
fn files() -> BTreeMap<String, String> {
    let list = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(list).current_dir(root()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let read = |file: &str| Some((file.to_owned(), std::fs::read_to_string(root().join(file)).ok()?));
    let files: BTreeMap<_, _> = listed.lines().filter_map(read).collect();
    assert!(files.len() > 200, "the files were not found");
    files
}

/// The sources of each package.
fn crates() -> BTreeMap<String, Sources> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let files = files();
    let sources_of = |package: &Value| {
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let folder = manifest.parent()?.join("src");
        let folder = folder.strip_prefix(root()).ok()?;
        let inside = |(file, source): (&String, &String)| {
            let file = Path::new(file).strip_prefix(folder).ok()?;
            Some((file.to_owned(), source.clone()))
        };
        let sources: Sources = files.iter().filter_map(inside).collect();
        Some((text(&package["name"]), sources)).filter(|(_, sources)| !sources.is_empty())
    };
    packages.filter_map(sources_of).collect()
}

fn has_ending(file: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| file.ends_with(ending))
}

/// The names that a file of a known kind holds, and the name of the file itself.
fn names<'a>(file: &'a str, source: &'a str) -> Vec<Name<'a>> {
    let mut names = match file.rsplit('.').next() {
        Some("rs") => names::of_rust(source),
        Some("yml" | "yaml" | "lua" | "js" | "html" | "md" | "sh" | "json") => {
            names::of_document(file, source)
        }
        _ => Vec::new(),
    };
    let stem = Path::new(file).file_stem().unwrap().to_str().unwrap();
    names.push(Name { what: What::Module, name: stem, line: 1 });
    names
}

#[test]
fn packages_depend_on_each_other_in_one_direction() {
    let dependencies = dependencies();
    let ours = |package: &str| -> Vec<String> {
        dependencies[package].iter().filter(|needed| dependencies.contains_key(*needed)).cloned().collect()
    };
    assert!(ours("common").is_empty(), "common");
    for package in ["protocol", "redis_connection", "testkit"] {
        assert_eq!(ours(package), ["common"], "{package}");
    }
    for store in ["bus", "directory"] {
        let foreign = ours(store).into_iter().find(|needed| !STORE_BASE.contains(&needed.as_str()));
        assert_eq!(foreign, None, "{store}");
    }
    for service in SERVICES {
        assert_eq!(forbidden_users(&dependencies, service, &["switchboard"]), [""; 0], "{service}");
    }
}

#[test]
fn outside_protocols_are_spoken_by_few_packages() {
    let dependencies = dependencies();
    for (package, allowed) in [
        ("redis", &["bus", "directory", "redis_connection"][..]),
        ("tokio-tungstenite", &["edge", "connector", "load", "testkit"]),
        ("axum", &["rest", "service"]),
        ("testkit", &[]),
    ] {
        assert_eq!(forbidden_users(&dependencies, package, allowed), [""; 0], "{package}");
    }
    assert!(!dependencies["protocol"].contains(&"tokio".to_owned()), "protocol does no I/O");
}

#[test]
fn source_files_are_short() {
    for (file, source) in files() {
        if has_ending(&file, &[".rs", ".js", ".css", ".html", ".lua"]) {
            let lines = source.lines().count();
            assert!(lines <= MAX_LINES, "{file} has {lines} lines");
        }
    }
}

#[test]
fn errors_of_retries_are_logged_by_an_error_log() {
    let is_bare = |line: &str| line.contains("tracing::warn!(") || line.contains("tracing::error!(");
    let mut bare = Vec::new();
    for (file, source) in files().iter().filter(|(file, _)| file.contains("/src/")) {
        let mut statements = source.split_inclusive(';');
        bare.extend(
            statements.find(|it| is_bare(it) && it.contains("retrying")).map(|it| format!("{file}: {it}")),
        );
    }
    assert!(bare.is_empty(), "use warn_failure, which bounds the number of lines: {bare:#?}");
}

#[test]
fn names_are_the_words_of_the_field() {
    let mut found = Vec::new();
    for (file, source) in files().into_iter().filter(|(file, _)| file != WORD_LIST) {
        for Name { what, name, line } in names(&file, &source) {
            let words = words::forbidden(what, name).into_iter();
            found.extend(words.map(|word| format!("{file}:{line}: {what:?} `{name}`: {word}")));
        }
    }
    assert!(found.is_empty(), "{} forbidden words:\n{}", found.len(), found.join("\n"));
}

#[test]
fn files_of_a_crate_import_each_other_in_one_direction() {
    let circles = crates().into_iter().map(|(name, sources)| (name, circles::circles(&sources)));
    let circles: Vec<_> = circles.filter(|(_, circles)| !circles.is_empty()).collect();
    assert!(circles.is_empty(), "files that import each other: {circles:#?}");
}

#[test]
fn a_crate_defines_a_type_name_once() {
    let twice = crates().into_iter().map(|(name, sources)| (name, names::types_defined_twice(&sources)));
    let twice: Vec<_> = twice.filter(|(_, twice)| !twice.is_empty()).collect();
    assert!(twice.is_empty(), "types of one name: {twice:#?}");
}

#[test]
fn architecture_names_files_that_exist() {
    let files = files();
    let page = &files["ARCHITECTURE.md"];
    assert_eq!(pages::missing(page, &files.keys().cloned().collect()), [""; 0]);
}

#[test]
fn message_passes_few_files() {
    let page = &files()["ARCHITECTURE.md"];
    for (heading, bound) in [("## The way of a `call` request", 46), ("## The way of an event", 25)] {
        let section = page.split(heading).nth(1).expect(heading).split("\n## ").next().unwrap();
        let rows: String =
            section.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>().join("\n");
        let passed = pages::named_files(&rows).len();
        assert!((10..=bound).contains(&passed), "{heading}: {passed} files");
    }
}
