//! `/api/v1/services`: who is alive, and how much each has to do. What a connector has to do is told by
//! its leases, and counted here.

use super::Cluster;
use super::backends::{self, Seen};
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use directory::listed::Service;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct All {
    services: Vec<Service>,
}

/// `GET /services`
pub(super) async fn list(State(cluster): State<Cluster>) -> Result<Json<All>, Problem> {
    let services = cluster.directory.services().await?;
    let backends = backends::served(&cluster).await?;
    Ok(Json(All { services: counted(services, &backends) }))
}

/// The services with what each connector has to do: the backends it serves, and the calls on them.
pub(super) fn counted(mut services: Vec<Service>, backends: &[Seen]) -> Vec<Service> {
    for service in services.iter_mut().filter(|service| service.kind == "connector") {
        let its = backends.iter().filter(|backend| backend.served_by.as_ref() == Some(&service.id));
        let calls = its.clone().map(|backend| backend.calls).sum();
        service.load.extend([("backends".to_owned(), its.count() as u64), ("calls".to_owned(), calls)]);
    }
    services
}
