//! Checks the flags of each subcommand, and that docs/configuration.md is current. That page is generated from
//! the definitions of the flags. `UPDATE_DOCS=1 cargo test -p switchboard reference` writes it.

use super::*;
use clap::CommandFactory;
use std::fmt::Write;

/// The subcommands that are not a service and read no admin address.
const TOOLS: [&str; 4] = ["calls", "load", "top", "trace"];

fn subcommands() -> Vec<clap::Command> {
    let mut command = Options::command();
    command.build();
    command.get_subcommands().filter(|it| it.get_name() != "help").cloned().collect()
}

#[test]
fn flags_of_each_subcommand_are_consistent() {
    Options::command().debug_assert();
}

#[test]
fn every_subcommand_has_help() {
    let names: Vec<_> = subcommands().iter().map(|it| it.get_name().to_owned()).collect();
    let all =
        ["standalone", "edge", "router", "connector", "rest", "calls", "health", "load", "top", "trace"];
    assert_eq!(names, all);
    for name in names {
        let outcome = Options::try_parse_from(["switchboard", &name, "--help"]);
        let help = outcome.expect_err("--help ends parsing");
        assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp);
        assert_eq!(
            help.to_string().contains("--admin-listen"),
            !TOOLS.contains(&name.as_str()),
            "{name}: {help}"
        );
    }
}

#[test]
fn every_flag_has_help_and_the_variable_of_its_name() {
    for command in subcommands() {
        let is_own = |flag: &&clap::Arg| {
            !flag.is_positional() && !matches!(flag.get_id().as_str(), "help" | "version")
        };
        for flag in command.get_arguments().filter(is_own) {
            let name = flag.get_long().expect("every option has a long flag");
            let variable = format!("SWITCHBOARD_{}", name.replace('-', "_").to_uppercase());
            let actual = flag.get_env().and_then(|it| it.to_str());
            let is_tool = TOOLS.contains(&command.get_name());
            let has_none = is_tool && ["follow", "json", "once"].contains(&name);
            let expected = (!has_none).then_some(variable.as_str());
            assert_eq!(actual, expected, "{} --{name}", command.get_name());
            assert!(flag.get_help().is_some(), "{} --{name}", command.get_name());
        }
    }
}

#[test]
fn flags_of_load_have_help_and_only_secrets_a_variable() {
    let all = subcommands();
    let load = all.iter().find(|it| it.get_name() == "load").expect("there is a load");
    for flag in load.get_subcommands().flat_map(clap::Command::get_arguments) {
        let is_secret = ["api_secret", "token"].contains(&flag.get_id().as_str());
        assert_eq!(flag.get_env().is_some(), is_secret, "{}", flag.get_id());
        assert!(flag.get_help().is_some(), "{}", flag.get_id());
    }
}

#[test]
fn only_services_of_a_cluster_need_redis() {
    for name in ["edge", "router", "connector", "rest", "calls"] {
        assert!(Options::try_parse_from(["switchboard", name]).is_err(), "{name}");
        assert!(Options::try_parse_from(["switchboard", name, "--redis", "redis://h"]).is_ok(), "{name}");
    }
    let standalone =
        ["switchboard", "standalone", "--backend", "a=ws://127.0.0.1:8189", "--rest-listen", "[::1]:80"];
    assert!(Options::try_parse_from(standalone).is_ok());
    assert!(Options::try_parse_from(["switchboard", "standalone", "--redis", "redis://h"]).is_err());
}

const REFERENCE_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
const SERVICES: [&str; 4] = ["edge", "router", "connector", "rest"];
const DOCUMENTED_TOOLS: [&str; 4] = ["calls", "health", "top", "trace"];

const INTRODUCTION: &str = "\
# Configuration

Every flag of a service can also be set as an environment variable; the flag takes precedence. This page is
generated from the same definitions as `switchboard SERVICE --help`. Do not edit it: run
`UPDATE_DOCS=1 cargo test -p switchboard reference`.

`standalone` has the flags of all four services except `--redis` and `--redis-ca`. Its `--listen` is that of the edge.
";

/// A subcommand's own flags: no positional arguments, no `--help`, no `--version`.
fn flags(command: &clap::Command) -> impl Iterator<Item = &Arg> {
    let is_generated = |arg: &Arg| ["help", "version"].contains(&arg.get_id().as_str());
    command.get_arguments().filter(move |arg| !arg.is_positional() && !is_generated(arg))
}

fn has_flag(command: &clap::Command, flag: &Arg) -> bool {
    flags(command).any(|other| other.get_id() == flag.get_id() && help(other) == help(flag))
}

fn help(flag: &Arg) -> String {
    let help = flag.get_long_help().or(flag.get_help()).map(ToString::to_string).unwrap_or_default();
    help.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Escapes what has a meaning in a table, or would be HTML.
fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('>', "&gt;")
}

fn row(flag: &Arg) -> String {
    let takes_value = flag.get_action().takes_values();
    let values: Vec<_> = flag.get_value_names().into_iter().flatten().map(|name| name.as_str()).collect();
    let value = if takes_value { format!(" {}", values.join(" ")) } else { String::new() };
    let name = format!("`--{}{value}`", flag.get_long().expect("every flag has a long name"));
    let variable = flag.get_env().map(|env| format!("`{}`", env.to_string_lossy())).unwrap_or_default();
    let default = flag.get_default_values().join(",".as_ref()).to_string_lossy().into_owned();
    let default = if flag.is_required_set() {
        "required".to_owned()
    } else if takes_value && !default.is_empty() {
        format!("`{default}`")
    } else {
        String::new()
    };
    let possible = flag.get_possible_values();
    let choices: Vec<_> = possible.iter().map(|choice| format!("`{}`", choice.get_name())).collect();
    let choices =
        if takes_value && !choices.is_empty() { format!(": {}", choices.join(", ")) } else { String::new() };
    format!("| {name} | {variable} | {default} | {}{choices} |\n", escape(&help(flag)))
}

fn section<'f>(page: &mut String, title: &str, about: &str, flags: impl Iterator<Item = &'f Arg>) {
    let rows: String = flags.map(row).collect();
    if !rows.is_empty() {
        write!(page, "\n## {title}\n\n{about}.\n\n").expect("a string takes any text");
        page.push_str("| flag | variable | default | meaning |\n|---|---|---|---|\n");
        page.push_str(&rows);
    }
}

fn about(command: &clap::Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn page() -> String {
    let mut root = Options::command();
    root.build();
    let find = |name: &str| root.find_subcommand(name).expect("there is such a subcommand");
    let services = SERVICES.map(find);
    let standalone = find("standalone");
    let is_shared = |flag: &Arg| services.iter().all(|service| has_flag(service, flag));
    let [edge, ..] = services;
    let mut page = INTRODUCTION.to_owned();
    let process = flags(edge).filter(|flag| is_shared(flag) && has_flag(standalone, flag));
    section(&mut page, "All services", "Flags of every service, and of `standalone`", process);
    let cluster = flags(edge).filter(|flag| is_shared(flag) && !has_flag(standalone, flag));
    section(&mut page, "Services of a cluster", "Flags of every service, but not of `standalone`", cluster);
    for service in services {
        let own = flags(service).filter(|flag| !is_shared(flag));
        section(&mut page, service.get_name(), &about(service), own);
    }
    let only_standalone =
        flags(standalone).filter(|flag| !services.iter().any(|service| has_flag(service, flag)));
    section(&mut page, "standalone", &about(standalone), only_standalone);
    for tool in DOCUMENTED_TOOLS.map(find) {
        section(&mut page, tool.get_name(), &about(tool), flags(tool));
    }
    let load = find("load");
    let loads: Vec<_> = load.get_subcommands().filter(|command| command.get_name() != "help").collect();
    let is_common = |flag: &&Arg| loads.iter().all(|command| has_flag(command, flag));
    section(&mut page, "load", &about(load), flags(loads[0]).filter(is_common));
    for command in &loads {
        let own = flags(command).filter(|flag| !is_common(flag));
        section(&mut page, &format!("load {}", command.get_name()), &about(command), own);
    }
    page
}

#[test]
fn configuration_reference_is_current() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(REFERENCE_PATH, &page).unwrap();
    }
    let written = std::fs::read_to_string(REFERENCE_PATH).unwrap_or_default();
    let first_difference = page.lines().zip(written.lines()).find(|(expected, actual)| expected != actual);
    assert!(
        page == written,
        "docs/configuration.md is out of date ({first_difference:?}); run UPDATE_DOCS=1 cargo test -p switchboard reference"
    );
}
