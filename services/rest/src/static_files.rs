//! Files of web pages, which are compiled into the executable.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const CSS: &str = "text/css; charset=utf-8";
pub(crate) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const SVG: &str = "image/svg+xml";

pub(crate) struct File {
    pub path: &'static str,
    pub content_type: &'static str,
    pub text: &'static str,
}

/// Returns one route for each file.
pub(crate) fn routes(files: &'static [File]) -> Router {
    files.iter().fold(Router::new(), |routes, file| routes.route(file.path, get(async move || serve(file))))
}

fn serve(file: &'static File) -> Response {
    uncached(([(CONTENT_TYPE, file.content_type)], file.text))
}

/// Makes browsers revalidate: the content changes with the executable, and the address does not.
pub(crate) fn uncached(response: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-cache")], response).into_response()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Fails if a script imports a file that is not served.
    pub(crate) fn assert_imports_are_served(files: &[File]) {
        for file in files.iter().filter(|file| file.content_type == JAVASCRIPT) {
            let (folder, _) = file.path.rsplit_once('/').unwrap();
            for (_, import) in file.text.lines().filter_map(|line| line.split_once("from \"./")) {
                let path = format!("{folder}/{}", import.trim_end_matches("\";"));
                assert!(files.iter().any(|other| other.path == path), "{path} of {}", file.path);
            }
        }
    }

    /// Fails if a file contains what the content security policy forbids.
    pub(crate) fn assert_nothing_inline_or_foreign(files: &[File]) {
        for File { path, text, .. } in files {
            assert!(!text.contains("style=\"") && !text.contains("<style"), "{path}");
            assert!(!text.contains("onclick=\"") && !text.contains("<script>"), "{path}");
            assert!(!text.contains("src=\"http") && !text.contains("@import"), "{path}");
        }
    }
}
