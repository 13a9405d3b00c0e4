//! `/api/v1/services`: the registered services and their load.

use super::backends::{self, BackendView};
use super::problem::Problem;
use super::state::ApiState;
use axum::Json;
use axum::extract::State;
use directory::listing::Service;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct ServiceList {
    services: Vec<Service>,
}

/// `GET /services`
pub(super) async fn list(State(state): State<ApiState>) -> Result<Json<ServiceList>, Problem> {
    let services = state.directory.services().await?;
    let backends = backends::served(&state).await?;
    Ok(Json(ServiceList { services: with_connector_load(services, &backends) }))
}

/// Adds the load of connectors, which they do not report themselves: the backends they serve, and the calls on these.
pub(super) fn with_connector_load(mut services: Vec<Service>, backends: &[BackendView]) -> Vec<Service> {
    for service in services.iter_mut().filter(|service| service.kind == "connector") {
        let its = backends.iter().filter(|backend| backend.served_by.as_ref() == Some(&service.id));
        let calls = its.clone().map(|backend| backend.calls).sum();
        service.load.extend([("backends".to_owned(), its.count() as u64), ("calls".to_owned(), calls)]);
    }
    services
}
