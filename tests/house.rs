//! The rules of the house that ARCHITECTURE.md names, checked on the manifests and the tree itself.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const SERVICES: [&str; 5] = ["edge", "router", "connector", "rest", "load"];
/// No source file may come near 500 lines.
const MAX_LINES: usize = 400;

/// What each package of the workspace needs to run; of tests only `testkit` is a part of that.
type Needs = BTreeMap<String, Vec<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn needs() -> Needs {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|package| (text(&package["name"]), needs_of(package))).collect()
}

fn needs_of(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|need| need["kind"].is_null()).map(|need| text(&need["name"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The packages that need this one, but not the packages that may.
fn needed_by_others(needs: &Needs, name: &str, may: &[&str]) -> Vec<String> {
    let users = needs.iter().filter(|(_, needs)| needs.iter().any(|need| need == name));
    users.map(|(user, _)| user.clone()).filter(|user| !may.contains(&user.as_str())).collect()
}

#[test]
fn packages_depend_on_each_other_in_one_direction() {
    let needs = needs();
    let ours = |package: &str| -> Vec<String> {
        needs[package].iter().filter(|need| needs.contains_key(*need)).cloned().collect()
    };
    assert!(ours("common").is_empty());
    assert_eq!(ours("protocol"), ["common"]);
    for store in ["bus", "directory"] {
        assert_eq!(ours(store), ["common", "protocol"], "{store}");
    }
    assert!(ours("testkit").is_empty());
    for service in SERVICES {
        assert_eq!(needed_by_others(&needs, service, &["switchboard"]), [""; 0], "{service}");
    }
}

#[test]
fn each_outside_world_has_its_own_door() {
    let needs = needs();
    for (outside, may) in [
        ("redis", &["bus", "directory"][..]),
        ("tokio-tungstenite", &["edge", "connector", "load", "testkit"]),
        ("axum", &["rest", "service"]),
        ("testkit", &[]),
    ] {
        assert_eq!(needed_by_others(&needs, outside, may), [""; 0], "{outside}");
    }
    assert!(!needs["protocol"].contains(&"tokio".to_owned()), "protocol does no I/O");
}

#[test]
fn no_file_swallows_a_service() {
    let list = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(list).current_dir(root()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let is_source =
        |file: &&str| [".rs", ".js", ".css", ".html", ".lua"].iter().any(|end| file.ends_with(end));
    let mut sources = 0;
    for file in listed.lines().filter(is_source) {
        let Ok(source) = std::fs::read_to_string(root().join(file)) else { continue };
        let lines = source.lines().count();
        assert!(lines <= MAX_LINES, "{file} has {lines} lines");
        sources += 1;
    }
    assert!(sources > 50, "the sources were not found");
}
