//! The settings of the cluster in containers: `docker-compose.yml` passes every variable of a service to it,
//! and `.env.example` explains each.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

const SERVICES: [&str; 4] = ["edge", "router", "connector", "rest"];

/// Not passed, because the load balancer terminates TLS.
const NOT_PASSED: [&str; 2] = ["SWITCHBOARD_TLS_CERT", "SWITCHBOARD_TLS_KEY"];

/// Set in `docker-compose.yml` itself.
const FIXED: [&str; 4] = [
    "SWITCHBOARD_ADMIN_LISTEN",
    "SWITCHBOARD_LISTEN",
    "SWITCHBOARD_REST_SECRET_FILE",
    "SWITCHBOARD_WEBSOCKET_PORT",
];

fn file(name: &str) -> String {
    let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the variables in the help of a service.
fn variables(service: &str) -> BTreeSet<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_switchboard")).args([service, "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let named = help.split("[env: ").skip(1).map(|it| it.split(['=', ']']).next().unwrap().to_owned());
    named.collect()
}

/// Returns the lines of a block of `docker-compose.yml`: those below its first line that are indented deeper.
fn block<'a>(compose: &'a str, head: &str) -> Vec<&'a str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = compose.lines().skip_while(|line| !line.starts_with(head));
    let first = lines.next().unwrap_or_else(|| panic!("there is no {head}"));
    lines.take_while(|line| line.is_empty() || depth(line) > depth(first)).map(str::trim).collect()
}

#[test]
fn compose_passes_every_variable() {
    let compose = file("docker-compose.yml");
    let common = block(&compose, "x-environment:");
    for service in SERVICES {
        let own = block(&compose, &format!("  {service}:"));
        for variable in variables(service).iter().filter(|it| !NOT_PASSED.contains(&it.as_str())) {
            let entry = format!("{variable}:");
            let is_passed = common.iter().chain(&own).any(|line| line.starts_with(&entry));
            assert!(is_passed, "{variable} is not passed to {service}");
        }
    }
}

#[test]
fn every_variable_is_explained() {
    let example = file(".env.example");
    let is_exempt = |it: &String| NOT_PASSED.contains(&it.as_str()) || FIXED.contains(&it.as_str());
    for variable in SERVICES.iter().flat_map(|service| variables(service)).filter(|it| !is_exempt(it)) {
        let entry = format!("#{variable}=");
        assert!(example.lines().any(|line| line.starts_with(&entry)), "{variable} is not in .env.example");
    }
}

#[test]
fn every_explained_variable_is_used() {
    let files = file("docker-compose.yml") + &file("docker-compose.public.yml");
    for line in file(".env.example").lines().filter(|line| line.starts_with('#') && !line.starts_with("# ")) {
        let Some((name, _)) = line.trim_start_matches('#').split_once('=') else { continue };
        let forms = [format!("${{{name}:"), format!("  {name}:")];
        assert!(forms.iter().any(|form| files.contains(form)), "{name} of .env.example is not used");
    }
}
