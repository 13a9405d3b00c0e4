//! `top`: shows the cluster in a terminal. It polls a rest service every second and changes nothing.
//!
//! `rest_client.rs` sends the requests, `model.rs` has the responses, `history.rs` those of the last seconds.
//! `state.rs` and `stream_view.rs` hold what the operator has selected, and change on key presses. `table.rs`
//! turns a response into rows, and `draw/` draws the screen from all of these.
//!
//! While rest cannot be reached, the screen shows the error and the last state, marked as old, and `top`
//! retries every second.

mod cell;
mod draw;
mod history;
mod model;
mod once;
mod rest_client;
mod state;
mod stream_view;
mod table;
mod terminal;

use crate::format::ignore_closed_pipe;
use crate::options::TopArgs;
use draw::Theme;
use history::History;
use model::{ClusterView, StreamEntries};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ratatui::crossterm::event::Event;
use rest_client::{InvalidRestUrl, RestClient, RestError};
use service::secret::{self, SecretFileError};
use service::shutdown;
use state::UiState;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;
use terminal::Screen;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;

const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
const MAX_QUEUED_UPDATES: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum TopError {
    #[error(transparent)]
    RestUrl(#[from] InvalidRestUrl),
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    #[error(transparent)]
    Rest(#[from] RestError),
    #[error("failed to listen to signals: {0}")]
    Signals(#[source] io::Error),
    #[error("top needs a terminal; elsewhere use --once, or --once --json")]
    NoTerminal,
    #[error("failed to use the terminal: {0}")]
    Terminal(#[source] io::Error),
    #[error("failed to write the output: {0}")]
    Output(#[source] io::Error),
}

/// A response of rest.
enum Update {
    Cluster(Result<Box<ClusterView>, String>),
    Entries { key: String, is_full: bool, entries: Result<StreamEntries, String> },
}

/// Shows the cluster until `q` is pressed, or until a signal.
pub async fn run(args: TopArgs) -> Result<(), TopError> {
    let flag = args.rest_secret.filter(|secret| !secret.reveal().is_empty());
    let secret = match (flag, &args.rest_secret_file) {
        (None, Some(file)) => Some(secret::load(file)?),
        (flag, _) => flag,
    };
    let rest = RestClient::new(&args.rest, secret)?;
    if args.once {
        let text = once::snapshot(&rest, args.json).await?;
        return ignore_closed_pipe(writeln!(io::stdout().lock(), "{text}")).map_err(TopError::Output);
    }
    if !Screen::is_available() {
        return Err(TopError::NoTerminal);
    }
    let signal = shutdown::on_signal().map_err(TopError::Signals)?;
    let screen = Screen::enter().map_err(TopError::Terminal)?;
    let outcome = signal.run_until_cancelled(run_ui(rest, screen)).await;
    outcome.unwrap_or(Ok(())).map_err(TopError::Terminal)
}

async fn run_ui(rest: RestClient, mut screen: Screen) -> io::Result<()> {
    let theme = Theme { has_colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) };
    let (mut state, mut history) = (UiState::default(), History::new(&rest.address()));
    let (sender, mut updates) = channel(MAX_QUEUED_UPDATES);
    let mut events = terminal::events();
    let _cluster_task = AbortOnDropHandle::new(tokio::spawn(poll_cluster(rest.clone(), sender.clone())));
    let mut entries_task = None;
    while !state.is_quitting {
        screen.0.draw(|frame| draw::draw(frame, &state, &history, theme))?;
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => on_event(event, &mut state, &history, &mut events),
                None => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the terminal was closed")),
            },
            Some(update) = updates.recv() => apply(update, &mut state, &mut history),
        }
        restart_entries_task(&mut entries_task, &state, &rest, &sender);
    }
    Ok(())
}

/// Handles all events that are queued before the screen is drawn again.
fn on_event(first: Event, state: &mut UiState, history: &History, events: &mut Receiver<Event>) {
    let mut next = Some(first);
    while let Some(event) = next {
        if let Event::Key(key) = event
            && key.is_press()
        {
            state.on_key(key, history);
        }
        next = events.try_recv().ok();
    }
}

fn apply(update: Update, state: &mut UiState, history: &mut History) {
    match update {
        Update::Cluster(Ok(_)) if state.is_paused => {}
        Update::Cluster(view) => history.apply(view.map(|view| *view)),
        Update::Entries { key, is_full, entries } => {
            let shown = state.stream.as_mut().filter(|stream| stream.key == key && stream.is_full == is_full);
            if let Some(stream) = shown.filter(|_| !state.is_paused) {
                stream.apply(entries.map(|response| response.entries));
            }
        }
    }
}

async fn poll_cluster(rest: RestClient, updates: Sender<Update>) {
    let mut ticks = interval(REFRESH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let view = rest.get("/cluster").await.map(Box::new).map_err(|error| error.to_string());
        if updates.send(Update::Cluster(view)).await.is_err() {
            return;
        }
    }
}

/// The task that reads the entries of the shown stream.
struct EntriesTask {
    key: String,
    is_full: bool,
    _task: AbortOnDropHandle<()>,
}

/// Replaces the task when another stream is shown, or when the same one is to be shown in full or shortened.
fn restart_entries_task(
    task: &mut Option<EntriesTask>,
    state: &UiState,
    rest: &RestClient,
    updates: &Sender<Update>,
) {
    let wanted = state.stream.as_ref().map(|stream| (stream.key.as_str(), stream.is_full));
    let current = task.as_ref().map(|task| (task.key.as_str(), task.is_full));
    if current != wanted {
        *task = wanted.map(|(key, is_full)| {
            let polling = poll_entries(rest.clone(), updates.clone(), key.to_owned(), is_full);
            let handle = AbortOnDropHandle::new(tokio::spawn(polling));
            EntriesTask { key: key.to_owned(), is_full, _task: handle }
        });
    }
}

/// Reads the entries that are in the stream, then waits up to a second for each batch of new ones.
async fn poll_entries(rest: RestClient, updates: Sender<Update>, key: String, is_full: bool) {
    let path = format!("/streams/{}/entries", utf8_percent_encode(&key, NON_ALPHANUMERIC));
    let mut wait_ms = 0;
    loop {
        let response = rest.get(&format!("{path}?limit=100&wait_ms={wait_ms}&full={is_full}")).await;
        let entries = response.map_err(|error| error.to_string());
        let has_failed = entries.is_err();
        wait_ms = 1_000;
        if updates.send(Update::Entries { key: key.clone(), is_full, entries }).await.is_err() {
            return;
        }
        if has_failed {
            sleep(REFRESH_INTERVAL).await;
        }
    }
}
