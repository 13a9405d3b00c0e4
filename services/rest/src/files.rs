//! Files of pages, which are part of the executable: what a browser gets, and what must not be in them.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(crate) const PAGE: &str = "text/html; charset=utf-8";
pub(crate) const STYLE: &str = "text/css; charset=utf-8";
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const PICTURE: &str = "image/svg+xml";

/// A file at its path.
pub(crate) struct File {
    pub path: &'static str,
    pub kind: &'static str,
    pub text: &'static str,
}

/// A route for each.
pub(crate) fn routes(files: &'static [File]) -> Router {
    files.iter().fold(Router::new(), |routes, file| routes.route(file.path, get(async move || serve(file))))
}

fn serve(file: &'static File) -> Response {
    uncached(([(CONTENT_TYPE, file.kind)], file.text))
}

/// To be asked for again each time: what is in it changes with the executable, and its name does not.
pub(crate) fn uncached(answer: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-cache")], answer).into_response()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Fails where a script imports one that is not served beside it.
    pub(crate) fn every_script_that_is_imported_is_served(files: &[File]) {
        for file in files.iter().filter(|file| file.kind == SCRIPT) {
            let (folder, _) = file.path.rsplit_once('/').unwrap();
            for (_, import) in file.text.lines().filter_map(|line| line.split_once("from \"./")) {
                let path = format!("{folder}/{}", import.trim_end_matches("\";"));
                assert!(files.iter().any(|other| other.path == path), "{path} of {}", file.path);
            }
        }
    }

    /// Fails where there is what the policy of `headers.rs` forbids.
    pub(crate) fn nothing_is_inline_or_foreign(files: &[File]) {
        for File { path, text, .. } in files {
            assert!(!text.contains("style=\"") && !text.contains("<style"), "{path}");
            assert!(!text.contains("onclick=\"") && !text.contains("<script>"), "{path}");
            assert!(!text.contains("src=\"http") && !text.contains("@import"), "{path}");
        }
    }
}
