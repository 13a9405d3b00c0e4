//! The files of the dashboard. They contain no data and need no secret; the page reads `/api/v1/cluster/events`, which
//! does.

use crate::static_files::{self, CSS, File, HTML, JAVASCRIPT, SVG};
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

/// A file of the folder `dashboard`.
macro_rules! file {
    ($content_type:ident, $name:literal) => {
        File {
            path: concat!("/dashboard/", $name),
            content_type: $content_type,
            text: include_str!(concat!("../dashboard/", $name)),
        }
    };
}

static FILES: [File; 23] = [
    File { path: "/dashboard", content_type: HTML, text: include_str!("../dashboard/index.html") },
    file!(CSS, "style.css"),
    file!(CSS, "diagram.css"),
    file!(CSS, "tables.css"),
    file!(SVG, "ok.svg"),
    file!(SVG, "warning.svg"),
    file!(SVG, "critical.svg"),
    file!(SVG, "unknown.svg"),
    file!(JAVASCRIPT, "app.js"),
    file!(JAVASCRIPT, "calls.js"),
    file!(JAVASCRIPT, "diagram.js"),
    file!(JAVASCRIPT, "dom.js"),
    file!(JAVASCRIPT, "feed.js"),
    file!(JAVASCRIPT, "findings.js"),
    file!(JAVASCRIPT, "format.js"),
    file!(JAVASCRIPT, "history.js"),
    file!(JAVASCRIPT, "rows.js"),
    file!(JAVASCRIPT, "secret.js"),
    file!(JAVASCRIPT, "sparkline.js"),
    file!(JAVASCRIPT, "sse.js"),
    file!(JAVASCRIPT, "status.js"),
    file!(JAVASCRIPT, "streams.js"),
    file!(JAVASCRIPT, "table.js"),
];

pub(crate) fn routes() -> Router {
    // The page's relative links are valid at `/dashboard` only.
    static_files::routes(&FILES).route("/dashboard/", get(async || Redirect::permanent("../dashboard")))
}

#[cfg(test)]
mod tests {
    use super::FILES;
    use crate::static_files::JAVASCRIPT;
    use crate::static_files::tests::{assert_imports_are_served, assert_nothing_inline_or_foreign};

    #[test]
    fn files_are_complete_and_local() {
        assert_imports_are_served(&FILES);
        assert_nothing_inline_or_foreign(&FILES);
    }

    #[test]
    fn data_of_the_cluster_never_becomes_markup() {
        let markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval("];
        for file in FILES.iter().filter(|file| file.content_type == JAVASCRIPT) {
            assert!(!markup.iter().any(|word| file.text.contains(word)), "{}", file.path);
        }
    }
}
