//! The dashboard: its files, which are part of the executable. What it shows comes from `/api/v1/cluster/events`,
//! which asks for the secret where there is one; the files are for anybody.

use crate::files::{self, File, PAGE, PICTURE, SCRIPT, STYLE};
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

/// A file of the folder; its name is the end of its path.
macro_rules! file {
    ($kind:ident, $name:literal) => {
        File {
            path: concat!("/dashboard/", $name),
            kind: $kind,
            text: include_str!(concat!("../dashboard/", $name)),
        }
    };
}

static FILES: [File; 24] = [
    File { path: "/dashboard", kind: PAGE, text: include_str!("../dashboard/index.html") },
    file!(STYLE, "style.css"),
    file!(STYLE, "house.css"),
    file!(STYLE, "tables.css"),
    file!(PICTURE, "good.svg"),
    file!(PICTURE, "warn.svg"),
    file!(PICTURE, "bad.svg"),
    file!(PICTURE, "unknown.svg"),
    file!(SCRIPT, "app.js"),
    file!(SCRIPT, "calls.js"),
    file!(SCRIPT, "dom.js"),
    file!(SCRIPT, "feed.js"),
    file!(SCRIPT, "house.js"),
    file!(SCRIPT, "judge.js"),
    file!(SCRIPT, "limits.js"),
    file!(SCRIPT, "lists.js"),
    file!(SCRIPT, "memory.js"),
    file!(SCRIPT, "roads.js"),
    file!(SCRIPT, "secret.js"),
    file!(SCRIPT, "sse.js"),
    file!(SCRIPT, "state.js"),
    file!(SCRIPT, "table.js"),
    file!(SCRIPT, "trend.js"),
    file!(SCRIPT, "words.js"),
];

pub(crate) fn routes() -> Router {
    // Its links begin where `/dashboard` is, and would lead nowhere from `/dashboard/`.
    files::routes(&FILES).route("/dashboard/", get(async || Redirect::permanent("../dashboard")))
}

#[cfg(test)]
mod tests {
    use super::FILES;
    use crate::files::SCRIPT;
    use crate::files::tests::{every_script_that_is_imported_is_served, nothing_is_inline_or_foreign};

    #[test]
    fn the_files_are_whole_and_ours() {
        every_script_that_is_imported_is_served(&FILES);
        nothing_is_inline_or_foreign(&FILES);
    }

    #[test]
    fn what_the_cluster_says_never_becomes_markup() {
        let markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval("];
        for file in FILES.iter().filter(|file| file.kind == SCRIPT) {
            assert!(!markup.iter().any(|word| file.text.contains(word)), "{}", file.path);
        }
    }
}
