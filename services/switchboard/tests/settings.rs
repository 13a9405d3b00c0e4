//! The settings of the cluster in containers: whatever a service can be told, `docker-compose.yml` hands on
//! to it, and `.env.example` explains.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

const SERVICES: [&str; 4] = ["edge", "router", "connector", "rest"];

/// Inside a container there is nothing to choose, or the load balancer does it.
const NOT_HANDED_ON: [&str; 2] = ["SWITCHBOARD_TLS_CERT", "SWITCHBOARD_TLS_KEY"];

/// What `docker-compose.yml` says itself.
const SAID: [&str; 4] = [
    "SWITCHBOARD_ADMIN_LISTEN",
    "SWITCHBOARD_LISTEN",
    "SWITCHBOARD_REST_SECRET_FILE",
    "SWITCHBOARD_WEBSOCKET_PORT",
];

fn file(name: &str) -> String {
    let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The variables that a service's help names.
fn variables(service: &str) -> BTreeSet<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_switchboard")).args([service, "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let named = help.split("[env: ").skip(1).map(|it| it.split(['=', ']']).next().unwrap().to_owned());
    named.collect()
}

/// The lines of a block of `docker-compose.yml`, from its head to the next line that is not further in.
fn block<'a>(compose: &'a str, head: &str) -> Vec<&'a str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = compose.lines().skip_while(|line| !line.starts_with(head));
    let first = lines.next().unwrap_or_else(|| panic!("there is no {head}"));
    lines.take_while(|line| line.is_empty() || depth(line) > depth(first)).map(str::trim).collect()
}

#[test]
fn compose_hands_on_every_setting() {
    let compose = file("docker-compose.yml");
    let of_all = block(&compose, "x-environment:");
    for service in SERVICES {
        let own = block(&compose, &format!("  {service}:"));
        for variable in variables(service).iter().filter(|it| !NOT_HANDED_ON.contains(&it.as_str())) {
            let entry = format!("{variable}:");
            let is_there = of_all.iter().chain(&own).any(|line| line.starts_with(&entry));
            assert!(is_there, "{service} is not given {variable}");
        }
    }
}

#[test]
fn every_setting_is_explained() {
    let example = file(".env.example");
    let not = |it: &String| NOT_HANDED_ON.contains(&it.as_str()) || SAID.contains(&it.as_str());
    for variable in SERVICES.iter().flat_map(|service| variables(service)).filter(|it| !not(it)) {
        let entry = format!("#{variable}=");
        assert!(example.lines().any(|line| line.starts_with(&entry)), "{variable} is not in .env.example");
    }
}

#[test]
fn every_setting_that_is_explained_is_used() {
    let files = file("docker-compose.yml") + &file("docker-compose.public.yml");
    for line in file(".env.example").lines().filter(|line| line.starts_with('#') && !line.starts_with("# ")) {
        let Some((name, _)) = line.trim_start_matches('#').split_once('=') else { continue };
        let forms = [format!("${{{name}:"), format!("  {name}:")];
        assert!(forms.iter().any(|form| files.contains(form)), "nobody uses {name} of .env.example");
    }
}
