//! The files that ARCHITECTURE.md names: each must exist.
//!
//! A file is named in backticks, as `PACKAGE/src/FILE`, or as `FILE` in a row of a table whose first cell
//! begins with the package.

use std::collections::BTreeSet;

/// Returns `(package, file below its src)` for every file that a page names.
pub fn named_files(page: &str) -> Vec<(String, String)> {
    page.lines().flat_map(files_of_line).collect()
}

/// Returns the named files that are not among `known`, which holds paths such as `services/edge/src/lib.rs`.
pub fn missing(page: &str, known: &BTreeSet<String>) -> Vec<String> {
    let exists = |(package, file): &(String, String)| {
        let end = format!("/{package}/src/{file}");
        known.iter().any(|path| path.ends_with(&end))
    };
    let missing = named_files(page).into_iter().filter(|named| !exists(named));
    missing.map(|(package, file)| format!("{package}/src/{file}")).collect()
}

fn files_of_line(line: &str) -> Vec<(String, String)> {
    let of_row = row_package(line);
    let quoted = line.split('`').skip(1).step_by(2).filter(|quoted| quoted.ends_with(".rs"));
    let file = |path: &str| match path.split_once("/src/") {
        Some((package, file)) => Some((package.to_owned(), file.to_owned())),
        None => Some((of_row?.to_owned(), path.to_owned())),
    };
    quoted.filter_map(file).collect()
}

/// The package of a row of the tables that follow a message: `| edge, in | ... |`.
fn row_package(line: &str) -> Option<&str> {
    let cell = line.strip_prefix("| ")?.split(" |").next()?;
    let package = cell.split(',').next()?;
    let is_package = !package.is_empty() && package.chars().all(|letter| letter.is_ascii_lowercase());
    is_package.then_some(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_files_are_found_in_text_and_in_rows() {
        let page = "See `edge/src/lib.rs` and `edge/src/gone.rs`.\n\
                    | edge, in | `net/socket.rs`, `net/old.rs` | reads `no_file` |\n\
                    | queue (`bus/src/topic.rs`) | 64 | `x.rs` |";
        let known =
            ["services/edge/src/lib.rs", "services/edge/src/net/socket.rs", "shared/bus/src/topic.rs"];
        let known = known.map(str::to_owned).into();
        assert_eq!(missing(page, &known), ["edge/src/gone.rs", "edge/src/net/old.rs"]);
    }
}
