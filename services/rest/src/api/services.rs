//! `/api/v1/services`: who is alive, and how much each has to do. What a connector has to do is told by
//! its leases, and counted here.

use super::ApiState;
use super::backends::{self, BackendView};
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use directory::listing::Service;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct ServiceList {
    services: Vec<Service>,
}

/// `GET /services`
pub(super) async fn list(State(cluster): State<ApiState>) -> Result<Json<ServiceList>, Problem> {
    let services = cluster.directory.services().await?;
    let backends = backends::served(&cluster).await?;
    Ok(Json(ServiceList { services: with_connector_load(services, &backends) }))
}

/// The services with what each connector has to do: the backends it serves, and the calls on them.
pub(super) fn with_connector_load(mut services: Vec<Service>, backends: &[BackendView]) -> Vec<Service> {
    for service in services.iter_mut().filter(|service| service.kind == "connector") {
        let its = backends.iter().filter(|backend| backend.served_by.as_ref() == Some(&service.id));
        let calls = its.clone().map(|backend| backend.calls).sum();
        service.load.extend([("backends".to_owned(), its.count() as u64), ("calls".to_owned(), calls)]);
    }
    services
}
