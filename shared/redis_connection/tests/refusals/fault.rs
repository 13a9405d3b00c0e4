//! The kinds of refusal.

use std::time::Duration;

/// The longest time of a fault that keeps a core busy.
const MAX_BUSY_HOLD: Duration = Duration::from_secs(10);

/// Why Redis does not do what a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `NOAUTH`: Redis wants a password that clients do not have.
    PasswordRequired,
    /// `WRONGPASS`: the password of the user is another one.
    WrongPassword,
    /// `NOPERM`: the user may do nothing.
    NoRights,
    /// The same, and connections break.
    NoRightsForNewConnections,
    /// `NOPERM`: the user may not do what blocking readers, subscriptions and scripts do.
    FewRights,
    /// `ERR max number of clients reached`.
    TooManyClients,
    /// `LOADING`: Redis loads its data.
    Loading,
    /// `READONLY`: Redis is a replica.
    Replica,
    /// `MASTERDOWN`: Redis is a replica without its master, and answers nothing.
    ReplicaWithoutMaster,
    /// `READONLY`, until the address leads to another server. No connection breaks.
    Failover,
    /// `CLUSTERDOWN`: a slot has no node.
    SlotWithoutNode,
    /// `MISCONF`: Redis cannot write its snapshots.
    SnapshotsFail,
    /// `OOM`: Redis' memory is full.
    MemoryFull,
    /// `BUSY`: a script runs for too long.
    SlowScript,
    /// The certificate is not trusted.
    UntrustedCertificate,
    /// Every connection breaks soon after it is open.
    ConnectionsKilled,
    /// Another program has the port, and speaks another protocol.
    OtherProgram,
    /// Nothing listens on the port.
    Down,
    /// Redis accepts connections and replies to nothing.
    Frozen,
}

impl Fault {
    const ALL: [Self; 19] = [
        Self::PasswordRequired,
        Self::WrongPassword,
        Self::NoRights,
        Self::NoRightsForNewConnections,
        Self::FewRights,
        Self::TooManyClients,
        Self::Loading,
        Self::Replica,
        Self::ReplicaWithoutMaster,
        Self::Failover,
        Self::SlotWithoutNode,
        Self::SnapshotsFail,
        Self::MemoryFull,
        Self::SlowScript,
        Self::UntrustedCertificate,
        Self::ConnectionsKilled,
        Self::OtherProgram,
        Self::Down,
        Self::Frozen,
    ];

    /// The faults that are tried for this long.
    pub fn all_held_for(hold: Duration) -> impl Iterator<Item = Self> {
        let is_tried = move |fault: &Self| *fault != Self::SlowScript || hold <= MAX_BUSY_HOLD;
        Self::ALL.into_iter().filter(is_tried)
    }

    /// What errors contain during the fault, in lower case.
    pub fn expected_error(self) -> Option<&'static str> {
        Some(match self {
            Self::PasswordRequired => "noauth",
            Self::WrongPassword => "wrongpass",
            Self::NoRights | Self::NoRightsForNewConnections | Self::FewRights => "noperm",
            Self::TooManyClients => "max number of clients",
            Self::Loading => "loading",
            Self::Replica | Self::Failover => "readonly",
            Self::ReplicaWithoutMaster => "masterdown",
            Self::SlotWithoutNode => "clusterdown",
            Self::SnapshotsFail => "misconf",
            Self::MemoryFull => "oom",
            Self::SlowScript => "busy",
            Self::UntrustedCertificate => "certificate",
            Self::Down => "refused",
            Self::OtherProgram => "protocol",
            Self::ConnectionsKilled | Self::Frozen => return None,
        })
    }
}
