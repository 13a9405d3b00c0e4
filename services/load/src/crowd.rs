//! Many clients that only are there: each a task that registers, and comes back when its connection breaks.
//!
//! It claims its session at the next door. When that is gone, it begins anew, under a name that nobody has
//! had: a plain Janus may still know the old one.

use crate::attendance::Population;
use crate::client::Client;
use crate::failed::CallError;
use crate::hearing::ServerEvent;
use crate::options::{ClientOptions, Target};
use crate::pause::Backoff;
use crate::words::Request;
use crate::{Endpoint, Error};
use service::CancellationToken;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// What all clients of a run share.
pub struct ClientPool {
    endpoints: Vec<Endpoint>,
    credentials: Arc<str>,
    prefix: String,
    connecting: Semaphore,
    /// Changes when all are to drop their connections at once.
    storm: watch::Sender<()>,
    pub population: Population,
    pub stop: CancellationToken,
}

/// One client, connected or not.
struct IdleClient {
    number: usize,
    /// Counts doors and beginnings.
    endpoint: usize,
    generation: usize,
    client: Option<Client>,
}

/// Why a client is no longer connected.
enum Disconnect {
    Storm,
    Connection,
    Session(CallError),
}

impl ClientPool {
    /// Without any client yet.
    pub fn new(target: &Target, members: &ClientOptions, stop: CancellationToken) -> Result<Self, Error> {
        Ok(Self {
            endpoints: target.urls.clone(),
            credentials: target.credentials(),
            prefix: target.prefix()?,
            connecting: Semaphore::new(members.at_once),
            storm: watch::Sender::new(()),
            population: Population::default(),
            stop,
        })
    }

    /// All drop their connections now.
    pub fn drop_connections(&self) {
        self.storm.send_replace(());
    }

    /// The life of one client, until the run is over.
    pub async fn run_client(self: Arc<Self>, number: usize) {
        let mut member = IdleClient { number, endpoint: number, generation: 0, client: None };
        self.stop.run_until_cancelled(self.keep_connected(&mut member)).await;
        if let Some(mut client) = member.client {
            client.leave().await;
        }
    }

    /// Registers, and comes back whenever it must. What it seldom does takes memory only then.
    async fn keep_connected(&self, member: &mut IdleClient) {
        let (mut storm, mut since) = (self.storm.subscribe(), Instant::now());
        Box::pin(self.register_with_retry(member)).await;
        self.population.registered(since.elapsed());
        loop {
            let gone = until_disconnected(member.client.as_mut(), &mut storm).await;
            since = Instant::now();
            self.population.disconnected(!matches!(gone, Disconnect::Connection));
            let claimed = match gone {
                Disconnect::Session(failed) => {
                    self.population.failed(&failed);
                    false
                }
                Disconnect::Connection => {
                    Backoff::default().wait().await;
                    Box::pin(self.claim_session(member)).await
                }
                Disconnect::Storm => Box::pin(self.claim_session(member)).await,
            };
            if !claimed {
                member.client = None;
                Box::pin(self.register_with_retry(member)).await;
            }
            self.population.reconnected(since.elapsed(), claimed);
        }
    }

    /// Registers, sooner or later.
    async fn register_with_retry(&self, member: &mut IdleClient) {
        let mut pause = Backoff::default();
        loop {
            let name = format!("{}{}_{}", self.prefix, member.number, member.generation);
            let entered = self.register(member.endpoint, &name).await;
            if member.generation == 0 {
                self.population.tried();
            }
            member.generation += 1;
            match entered {
                Ok(client) => {
                    member.client = Some(client);
                    return;
                }
                Err(failed) => self.population.failed(&failed),
            }
            member.endpoint += 1;
            pause.wait().await;
        }
    }

    async fn register(&self, door: usize, name: &str) -> Result<Client, CallError> {
        let _slot = self.connecting.acquire().await;
        let mut client = self.connect(door).await?;
        client.register(name).await?;
        Ok(client)
    }

    /// Claims its session, sooner or later; whether there was one still.
    async fn claim_session(&self, member: &mut IdleClient) -> bool {
        let Some(lost) = member.client.take() else { return false };
        let (session, handle) = (lost.messages.session, lost.messages.handle);
        drop(lost);
        let mut pause = Backoff::default();
        loop {
            member.endpoint += 1;
            match self.resume(member.endpoint, session, handle).await {
                Ok(client) => {
                    member.client = Some(client);
                    return true;
                }
                Err(failed) => {
                    self.population.failed(&failed);
                    if matches!(failed, CallError::Refused(Request::Claim, _)) {
                        return false;
                    }
                }
            }
            pause.wait().await;
        }
    }

    async fn resume(&self, door: usize, session: u64, handle: u64) -> Result<Client, CallError> {
        let _slot = self.connecting.acquire().await;
        let mut client = self.connect(door).await?;
        client.claim(session, handle).await?;
        Ok(client)
    }

    async fn connect(&self, door: usize) -> Result<Client, CallError> {
        Client::connect(&self.endpoints[door % self.endpoints.len()], self.credentials.clone()).await
    }
}

/// Listens to a client until it has no connection or no session any more.
async fn until_disconnected(client: Option<&mut Client>, storm: &mut watch::Receiver<()>) -> Disconnect {
    let Some(client) = client else { return Disconnect::Connection };
    loop {
        let heard = tokio::select! {
            biased;
            _ = storm.changed() => return Disconnect::Storm,
            heard = client.recv() => heard,
        };
        match heard.map(|heard| (heard.event, heard.in_reply_to)) {
            Err(_) => return Disconnect::Connection,
            Ok((ServerEvent::TimedOut, _)) => return Disconnect::Session(CallError::TimedOut),
            Ok((ServerEvent::Refused(code), Some((ask, _)))) => {
                return Disconnect::Session(CallError::Refused(ask, code));
            }
            Ok(_) => {}
        }
    }
}
