//! `top`: the cluster in a terminal, looked at once a second through rest. It changes nothing.
//!
//! | file | holds |
//! |---|---|
//! | `http.rs` | questions to rest, and why there is no answer |
//! | `frame.rs` | what rest answers |
//! | `rates.rs`, `memory.rs`, `watch.rs` | how fast the roads are; what was seen before; what is known now |
//! | `table.rs`, `cell.rs`, `troubles.rs` | what is shown: rows, what is wrong |
//! | `state.rs`, `detail.rs` | what the operator has chosen; a road that is looked into |
//! | `draw/` | the screen |
//! | `terminal.rs` | the terminal, and putting it back |
//! | `once.rs` | one look, printed |
//!
//! All but `http.rs`, `terminal.rs` and the loop here is pure: looks and keys in, letters out. How it fails:
//! while rest cannot be asked, the screen says why, what was seen last stays there and is called old, and it is
//! tried again every second.

mod cell;
mod detail;
mod draw;
mod frame;
mod http;
mod memory;
mod once;
mod rates;
mod state;
mod table;
mod terminal;
mod troubles;
mod watch;

use crate::error::Error;
use crate::options::TopArgs;
use draw::Theme;
use frame::{ClusterView, StreamEntries};
use http::RestClient;
pub use http::{InvalidRestUrl, RestError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ratatui::crossterm::event::Event;
use service::secret::load;
use service::shutdown;
use state::UiState;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;
use terminal::Screen;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;
use watch::ClusterMonitor;

const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// What the tasks that ask rest have to say.
enum Update {
    Cluster(Result<Box<ClusterView>, String>),
    /// Of the road with this key, in full or not.
    Entries(String, bool, Result<StreamEntries, String>),
}

/// Watches until `q`, or a signal.
pub async fn run(options: TopArgs) -> Result<(), Error> {
    let given = options.rest_secret.filter(|secret| !secret.reveal().is_empty());
    let secret = match (given, &options.rest_secret_file) {
        (None, Some(file)) => Some(load(file)?),
        (given, _) => given,
    };
    let rest = RestClient::new(&options.rest, secret)?;
    if options.once {
        let text = once::snapshot(&rest, options.json).await?;
        return match writeln!(io::stdout().lock(), "{text}") {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Output(error)),
            _ => Ok(()),
        };
    }
    if !Screen::is_available() {
        return Err(Error::NoTerminal);
    }
    let signal = shutdown::on_signal().map_err(Error::Signals)?;
    let screen = Screen::enter().map_err(Error::Terminal)?;
    let watched = signal.run_until_cancelled(run_ui(rest, screen)).await;
    watched.unwrap_or(Ok(())).map_err(Error::Terminal)
}

async fn run_ui(rest: RestClient, mut screen: Screen) -> io::Result<()> {
    let theme = Theme { has_colour: std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()) };
    let (mut state, mut watch) = (UiState::default(), ClusterMonitor::new(&rest.address()));
    let (news, mut told) = channel(4);
    let mut keys = terminal::events();
    let _looking = AbortOnDropHandle::new(tokio::spawn(poll_cluster(rest.clone(), news.clone())));
    let mut reading = None;
    while !state.is_quitting {
        screen.0.draw(|frame| draw::draw(frame, &state, &watch, theme))?;
        tokio::select! {
            event = keys.recv() => match event {
                Some(event) => on_event(event, &mut state, &watch, &mut keys),
                None => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the terminal is gone")),
            },
            Some(news) = told.recv() => apply(news, &mut state, &mut watch),
        }
        update_entries_task(&mut reading, &state, &rest, &news);
    }
    Ok(())
}

/// All keys that were pressed meanwhile are taken before the screen is drawn anew.
fn on_event(first: Event, state: &mut UiState, watch: &ClusterMonitor, keys: &mut Receiver<Event>) {
    let mut next = Some(first);
    while let Some(event) = next {
        if let Event::Key(key) = event
            && key.is_press()
        {
            state.on_key(key, &watch.history);
        }
        next = keys.try_recv().ok();
    }
}

fn apply(news: Update, state: &mut UiState, watch: &mut ClusterMonitor) {
    match news {
        Update::Cluster(Ok(_)) if state.is_paused => {}
        Update::Cluster(look) => watch.apply(look.map(|frame| *frame)),
        Update::Entries(key, full, seen) => {
            let road = state.stream.as_mut().filter(|road| road.key == key && road.full == full);
            if let Some(road) = road.filter(|_| !state.is_paused) {
                road.apply(seen.map(|seen| seen.entries));
            }
        }
    }
}

async fn poll_cluster(rest: RestClient, news: Sender<Update>) {
    let mut clock = interval(REFRESH_INTERVAL);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let look = rest.get("/cluster").await.map(Box::new).map_err(|failure| failure.to_string());
        if news.send(Update::Cluster(look)).await.is_err() {
            return;
        }
    }
}

/// A road that is being read, in full or not, and the task that reads it.
type EntriesTask = Option<(String, bool, AbortOnDropHandle<()>)>;

/// Reads the road that is looked into, and no other.
fn update_entries_task(reading: &mut EntriesTask, state: &UiState, rest: &RestClient, news: &Sender<Update>) {
    let wanted = state.stream.as_ref().map(|road| (road.key.as_str(), road.full));
    let is = reading.as_ref().map(|(key, full, _)| (key.as_str(), *full));
    if is != wanted {
        *reading = wanted.map(|(key, full)| {
            let task = tokio::spawn(poll_entries(rest.clone(), news.clone(), key.to_owned(), full));
            (key.to_owned(), full, AbortOnDropHandle::new(task))
        });
    }
}

/// First what lies there, then what comes, a second at a time.
async fn poll_entries(rest: RestClient, news: Sender<Update>, key: String, full: bool) {
    let path = format!("/roads/{}/entries", utf8_percent_encode(&key, NON_ALPHANUMERIC));
    let mut wait = 0;
    loop {
        let seen = rest.get(&format!("{path}?limit=100&wait_ms={wait}&full={full}")).await;
        let seen = seen.map_err(|failure| failure.to_string());
        let failed = seen.is_err();
        wait = 1_000;
        if news.send(Update::Entries(key.clone(), full, seen)).await.is_err() {
            return;
        }
        if failed {
            sleep(REFRESH_INTERVAL).await;
        }
    }
}
