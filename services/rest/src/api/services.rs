//! `/api/v1/services`: who is alive, and how much each has to do. What a connector has to do is told by
//! its leases, and counted here.

use super::problem::Problem;
use super::{Cluster, backends};
use axum::Json;
use axum::extract::State;
use directory::listed::Service;
use protocol::ServiceId;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub(super) struct All {
    services: Vec<Service>,
}

/// `GET /services`
pub(super) async fn list(State(cluster): State<Cluster>) -> Result<Json<All>, Problem> {
    let mut services = cluster.directory.services().await?;
    let served = served(&cluster).await?;
    for service in services.iter_mut().filter(|service| service.kind == "connector") {
        let (backends, calls) = served.get(&service.id).copied().unwrap_or_default();
        service.load.extend([("backends".to_owned(), backends), ("calls".to_owned(), calls)]);
    }
    Ok(Json(All { services }))
}

/// How many backends, and calls on them, each connector has.
async fn served(cluster: &Cluster) -> Result<BTreeMap<ServiceId, (u64, u64)>, Problem> {
    let mut served: BTreeMap<ServiceId, (u64, u64)> = BTreeMap::new();
    for backend in backends::served(cluster).await? {
        if let Some(connector) = backend.served_by {
            let (backends, calls) = served.entry(connector).or_default();
            *backends += 1;
            *calls += backend.calls;
        }
    }
    Ok(served)
}
