//! Who speaks in a scenario: a name with a socket, a session and a handle, some of which voices may share.

/// A voice.
#[derive(Clone, Debug)]
pub struct Actor {
    pub name: String,
    /// The place of its socket among those of the play.
    pub socket: usize,
    pub session: Option<u64>,
    pub handle: Option<u64>,
    pub awake: bool,
    requests: usize,
}

impl Actor {
    pub fn new(name: &str, socket: usize) -> Self {
        let name = name.to_owned();
        Self { name, socket, session: None, handle: None, awake: false, requests: 0 }
    }

    /// The transaction of its next request: the same in every play.
    pub fn next_transaction(&mut self) -> String {
        self.requests += 1;
        format!("{}-{}", self.name, self.requests)
    }
}
