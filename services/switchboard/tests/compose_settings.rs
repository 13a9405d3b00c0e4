//! The settings of the cluster in containers: `docker-compose.yml` passes every variable of a service to it,
//! and `.env.example` explains each.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

const SERVICES: [&str; 4] = ["edge", "router", "connector", "rest"];

/// Not passed, because the load balancer terminates TLS, and because Janus reads the file of that secret.
const NOT_PASSED: [&str; 3] = ["SWITCHBOARD_DRAIN_SECRET", "SWITCHBOARD_TLS_CERT", "SWITCHBOARD_TLS_KEY"];

/// Set in `docker-compose.yml` itself.
const FIXED: [&str; 5] = [
    "SWITCHBOARD_ADMIN_LISTEN",
    "SWITCHBOARD_DRAIN_SECRET_FILE",
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

/// Returns each service of a file with its lines, and those of the anchors that it merges.
fn services(file: &str) -> Vec<(&str, Vec<&str>)> {
    let names = file.lines().skip_while(|line| *line != "services:").skip(1);
    let names = names.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    let names =
        names.filter(|line| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':'));
    let expand = |name: &'static str, lines: &mut Vec<_>| {
        if lines.contains(&format!("<<: *{name}").as_str()) {
            lines.extend(block(file, &format!("x-{name}:")));
        }
    };
    let lines_of = |head: &str| {
        let mut lines = block(file, head);
        expand("switchboard", &mut lines);
        expand("janus", &mut lines);
        lines
    };
    names.map(|head| (head.trim().trim_end_matches(':'), lines_of(head))).collect()
}

#[test]
fn every_container_is_limited_and_without_privileges() {
    for (name, overrides) in [("docker-compose.yml", &[][..]), ("docker-compose.public.yml", &["janus"])] {
        let compose = file(name);
        let services = services(&compose);
        assert!(services.len() >= 3, "{services:?}");
        for (service, lines) in services.iter().filter(|(service, _)| !overrides.contains(service)) {
            let required = [
                "read_only: true",
                "cap_drop: [ALL]",
                "security_opt: [\"no-new-privileges:true\"]",
                "pids_limit: ",
                "mem_limit: ",
                "restart: ",
                "logging:",
            ];
            for setting in required {
                let is_set = lines.iter().any(|line| line.starts_with(setting));
                assert!(is_set, "{service} of {name} has no {setting}");
            }
            let added = ["privileged:", "cap_add:", "pid:", "ipc:", "devices:", "userns_mode:"];
            let extra = lines.iter().find(|line| added.iter().any(|setting| line.starts_with(setting)));
            assert_eq!(extra, None, "{service} of {name}");
            assert!(!lines.contains(&"network_mode: host"), "{service} of {name}");
        }
    }
}

#[test]
fn redis_is_reached_with_its_password_by_the_services_that_use_it() {
    let compose = file("docker-compose.yml");
    for (service, lines) in services(&compose) {
        let networks: Vec<_> = lines.iter().filter(|line| line.starts_with("networks: ")).collect();
        // The first is the service's own; the anchor's is behind it.
        let is_in_store = networks.first().is_some_and(|line| line.contains("store"));
        let uses_redis = service == "redis" || SERVICES.contains(&service);
        assert_eq!(is_in_store, uses_redis, "{service}");
        let has_password = lines.iter().any(|line| line.contains("redis-secret:"));
        assert_eq!(has_password, uses_redis || service == "init", "{service}");
        if service == "redis" {
            assert_eq!(networks, [&"networks: [store]"]);
            assert!(!lines.iter().any(|line| line.starts_with("ports:")));
            assert!(!lines.iter().any(|line| line.contains("--requirepass")), "arguments are visible");
        }
    }
    let networks = block(&compose, "networks:");
    let store = networks.iter().position(|line| *line == "store:").unwrap();
    assert_eq!(networks[store + 1], "internal: true");
}

#[test]
fn janus_holds_no_secret_of_operators() {
    for name in ["docker-compose.yml", "docker-compose.public.yml"] {
        let compose = file(name);
        let environment =
            if name.contains("public") { block(&compose, "x-environment:") } else { Vec::new() };
        let all = services(&compose);
        for (service, lines) in all.iter().filter(|(service, _)| service.starts_with("janus")) {
            for line in lines.iter().chain(&environment) {
                assert!(
                    !line.contains("REST_SECRET") && !line.contains("\"secret:"),
                    "{service} of {name}: {line}"
                );
            }
        }
    }
}
