//! Many clients that only are there: each a task that registers, and comes back when its connection breaks.
//!
//! It claims its session at the next door. When that is gone, it begins anew, under a name that nobody has
//! had: a plain Janus may still know the old one.

use crate::attendance::Attendance;
use crate::client::Client;
use crate::failed::Failed;
use crate::hearing::Word;
use crate::options::{Members, Target};
use crate::pause::Pause;
use crate::words::Ask;
use crate::{Door, Error};
use service::CancellationToken;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// What all clients of a run share.
pub struct Crowd {
    doors: Vec<Door>,
    access: Arc<str>,
    prefix: String,
    connecting: Semaphore,
    /// Changes when all are to drop their connections at once.
    storm: watch::Sender<()>,
    pub attendance: Attendance,
    pub stop: CancellationToken,
}

/// One client, connected or not.
struct Member {
    number: usize,
    /// Counts doors and beginnings.
    door: usize,
    life: usize,
    client: Option<Client>,
}

/// Why a client is no longer connected.
enum Gone {
    Storm,
    Connection,
    Session(Failed),
}

impl Crowd {
    /// Without any client yet.
    pub fn new(target: &Target, members: &Members, stop: CancellationToken) -> Result<Self, Error> {
        Ok(Self {
            doors: target.urls.clone(),
            access: target.access(),
            prefix: target.prefix()?,
            connecting: Semaphore::new(members.at_once),
            storm: watch::Sender::new(()),
            attendance: Attendance::default(),
            stop,
        })
    }

    /// All drop their connections now.
    pub fn drop_connections(&self) {
        self.storm.send_replace(());
    }

    /// The life of one client, until the run is over.
    pub async fn member(self: Arc<Self>, number: usize) {
        let mut member = Member { number, door: number, life: 0, client: None };
        self.stop.run_until_cancelled(self.stay(&mut member)).await;
        if let Some(mut client) = member.client {
            client.leave().await;
        }
    }

    /// Registers, and comes back whenever it must. What it seldom does takes memory only then.
    async fn stay(&self, member: &mut Member) {
        let (mut storm, mut since) = (self.storm.subscribe(), Instant::now());
        Box::pin(self.enter(member)).await;
        self.attendance.came(since.elapsed());
        loop {
            let gone = until_gone(member.client.as_mut(), &mut storm).await;
            since = Instant::now();
            self.attendance.went(!matches!(gone, Gone::Connection));
            let claimed = match gone {
                Gone::Session(failed) => {
                    self.attendance.failed(&failed);
                    false
                }
                Gone::Connection => {
                    Pause::default().wait().await;
                    Box::pin(self.claim(member)).await
                }
                Gone::Storm => Box::pin(self.claim(member)).await,
            };
            if !claimed {
                member.client = None;
                Box::pin(self.enter(member)).await;
            }
            self.attendance.came_back(since.elapsed(), claimed);
        }
    }

    /// Registers, sooner or later.
    async fn enter(&self, member: &mut Member) {
        let mut pause = Pause::default();
        loop {
            let name = format!("{}{}_{}", self.prefix, member.number, member.life);
            let entered = self.register(member.door, &name).await;
            if member.life == 0 {
                self.attendance.tried();
            }
            member.life += 1;
            match entered {
                Ok(client) => {
                    member.client = Some(client);
                    return;
                }
                Err(failed) => self.attendance.failed(&failed),
            }
            member.door += 1;
            pause.wait().await;
        }
    }

    async fn register(&self, door: usize, name: &str) -> Result<Client, Failed> {
        let _slot = self.connecting.acquire().await;
        let mut client = self.connect(door).await?;
        client.register(name).await?;
        Ok(client)
    }

    /// Claims its session, sooner or later; whether there was one still.
    async fn claim(&self, member: &mut Member) -> bool {
        let Some(lost) = member.client.take() else { return false };
        let (session, handle) = (lost.words.session, lost.words.handle);
        drop(lost);
        let mut pause = Pause::default();
        loop {
            member.door += 1;
            match self.resume(member.door, session, handle).await {
                Ok(client) => {
                    member.client = Some(client);
                    return true;
                }
                Err(failed) => {
                    self.attendance.failed(&failed);
                    if matches!(failed, Failed::Refused(Ask::Claim, _)) {
                        return false;
                    }
                }
            }
            pause.wait().await;
        }
    }

    async fn resume(&self, door: usize, session: u64, handle: u64) -> Result<Client, Failed> {
        let _slot = self.connecting.acquire().await;
        let mut client = self.connect(door).await?;
        client.claim(session, handle).await?;
        Ok(client)
    }

    async fn connect(&self, door: usize) -> Result<Client, Failed> {
        Client::connect(&self.doors[door % self.doors.len()], self.access.clone()).await
    }
}

/// Listens to a client until it has no connection or no session any more.
async fn until_gone(client: Option<&mut Client>, storm: &mut watch::Receiver<()>) -> Gone {
    let Some(client) = client else { return Gone::Connection };
    loop {
        let heard = tokio::select! {
            biased;
            _ = storm.changed() => return Gone::Storm,
            heard = client.hear() => heard,
        };
        match heard.map(|heard| (heard.word, heard.to)) {
            Err(_) => return Gone::Connection,
            Ok((Word::TimedOut, _)) => return Gone::Session(Failed::TimedOut),
            Ok((Word::Refused(code), Some((ask, _)))) => return Gone::Session(Failed::Refused(ask, code)),
            Ok(_) => {}
        }
    }
}
