//! An actor of a scenario: a name with a socket, a session and a handle. Actors may share these.

#[derive(Clone, Debug)]
pub struct Actor {
    pub name: String,
    /// The index of its socket in the run.
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

    /// The transaction of its next request, the same in every run.
    pub fn next_transaction(&mut self) -> String {
        self.requests += 1;
        format!("{}-{}", self.name, self.requests)
    }
}
