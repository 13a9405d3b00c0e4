//! The ways in which a fake Janus fails calls.

/// A fault of a server that otherwise works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `attach` gets this core error.
    RefuseAttach(u16),
    /// `attach` gets no reply.
    IgnoreAttach,
    /// The plugin replies to every request with this error.
    PluginError(u16),
    /// No media port is free: each new PeerConnection is closed at once, as Janus 1.1.2 does.
    NoPorts,
    /// A request with a session description gets no reply, as when Janus' parser refuses its text.
    IgnoreOffer,
    /// Each session description for the peer is longer by this many bytes.
    LongDescriptions(usize),
}
