//! The limits of clients and addresses, and their names in metrics.

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Of one address.
    Connections,
    Handshakes,
    Sessions,
    Requests,
    Calls,
    ConcurrentRequests,
    /// Of one client.
    ClientRequests,
    ClientCalls,
    ClientConcurrentRequests,
}

impl Limit {
    pub const ALL: [Self; 9] = [
        Self::Connections,
        Self::Handshakes,
        Self::Sessions,
        Self::Requests,
        Self::Calls,
        Self::ConcurrentRequests,
        Self::ClientRequests,
        Self::ClientCalls,
        Self::ClientConcurrentRequests,
    ];

    /// Whether all clients of an address share the limit.
    pub fn is_of_address(self) -> bool {
        (self as usize) < Self::ClientRequests as usize
    }

    /// The value of the label `limit` in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "address_connections",
            Self::Handshakes => "address_handshakes",
            Self::Sessions => "address_sessions",
            Self::Requests => "address_requests",
            Self::Calls => "address_calls",
            Self::ConcurrentRequests => "address_concurrent_requests",
            Self::ClientRequests => "client_requests",
            Self::ClientCalls => "client_calls",
            Self::ClientConcurrentRequests => "client_concurrent_requests",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
        assert_eq!(names.len(), Limit::ALL.len());
        for (index, limit) in Limit::ALL.iter().enumerate() {
            assert_eq!(
                (*limit as usize, limit.name().starts_with("address")),
                (index, limit.is_of_address())
            );
        }
    }
}
