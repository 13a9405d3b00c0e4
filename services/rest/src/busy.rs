//! How many requests are under way, for operators.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use service::load::Load;

pub(crate) async fn count_requests(State(load): State<Load>, request: Request, next: Next) -> Response {
    let _under_way = load.begin("requests");
    next.run(request).await
}
