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
use crate::options::Top;
use draw::Theme;
use frame::{Entries, Frame};
use http::Rest;
pub use http::{Failure, NotARest};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ratatui::crossterm::event::Event;
use service::secret_file::secret_from;
use service::shutdown;
use state::State;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;
use terminal::Terminal;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;
use watch::Watch;

const EVERY: Duration = Duration::from_secs(1);

/// What the tasks that ask rest have to say.
enum News {
    Look(Result<Box<Frame>, String>),
    /// Of the road with this key, in full or not.
    Entries(String, bool, Result<Entries, String>),
}

/// Watches until `q`, or a signal.
pub async fn run(options: Top) -> Result<(), Error> {
    let given = options.rest_secret.filter(|secret| !secret.reveal().is_empty());
    let secret = match (given, &options.rest_secret_file) {
        (None, Some(file)) => Some(secret_from(file)?),
        (given, _) => given,
    };
    let rest = Rest::new(&options.rest, secret)?;
    if options.once {
        let text = once::look(&rest, options.json).await?;
        return match writeln!(io::stdout().lock(), "{text}") {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Printing(error)),
            _ => Ok(()),
        };
    }
    if !Terminal::is_there() {
        return Err(Error::NoTerminal);
    }
    let signal = shutdown::on_signal().map_err(Error::Signals)?;
    let screen = Terminal::enter().map_err(Error::Screen)?;
    let watched = signal.run_until_cancelled(watch_cluster(rest, screen)).await;
    watched.unwrap_or(Ok(())).map_err(Error::Screen)
}

async fn watch_cluster(rest: Rest, mut screen: Terminal) -> io::Result<()> {
    let theme = Theme { has_colour: std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()) };
    let (mut state, mut watch) = (State::default(), Watch::of(&rest.address()));
    let (news, mut told) = channel(4);
    let mut keys = terminal::events();
    let _looking = AbortOnDropHandle::new(tokio::spawn(keep_looking(rest.clone(), news.clone())));
    let mut reading = None;
    while !state.quits {
        screen.0.draw(|frame| draw::draw(frame, &state, &watch, theme))?;
        tokio::select! {
            event = keys.recv() => match event {
                Some(event) => on_event(event, &mut state, &watch, &mut keys),
                None => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the terminal is gone")),
            },
            Some(news) = told.recv() => learn(news, &mut state, &mut watch),
        }
        follow(&mut reading, &state, &rest, &news);
    }
    Ok(())
}

/// All keys that were pressed meanwhile are taken before the screen is drawn anew.
fn on_event(first: Event, state: &mut State, watch: &Watch, keys: &mut Receiver<Event>) {
    let mut next = Some(first);
    while let Some(event) = next {
        if let Event::Key(key) = event
            && key.is_press()
        {
            state.press(key, &watch.memory);
        }
        next = keys.try_recv().ok();
    }
}

fn learn(news: News, state: &mut State, watch: &mut Watch) {
    match news {
        News::Look(Ok(_)) if state.is_paused => {}
        News::Look(look) => watch.learn(look.map(|frame| *frame)),
        News::Entries(key, full, seen) => {
            let road = state.detail.as_mut().filter(|road| road.key == key && road.full == full);
            if let Some(road) = road.filter(|_| !state.is_paused) {
                road.learn(seen.map(|seen| seen.entries));
            }
        }
    }
}

async fn keep_looking(rest: Rest, news: Sender<News>) {
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let look = rest.get("/cluster").await.map(Box::new).map_err(|failure| failure.to_string());
        if news.send(News::Look(look)).await.is_err() {
            return;
        }
    }
}

/// A road that is being read, in full or not, and the task that reads it.
type Reading = Option<(String, bool, AbortOnDropHandle<()>)>;

/// Reads the road that is looked into, and no other.
fn follow(reading: &mut Reading, state: &State, rest: &Rest, news: &Sender<News>) {
    let wanted = state.detail.as_ref().map(|road| (road.key.as_str(), road.full));
    let is = reading.as_ref().map(|(key, full, _)| (key.as_str(), *full));
    if is != wanted {
        *reading = wanted.map(|(key, full)| {
            let task = tokio::spawn(keep_reading(rest.clone(), news.clone(), key.to_owned(), full));
            (key.to_owned(), full, AbortOnDropHandle::new(task))
        });
    }
}

/// First what lies there, then what comes, a second at a time.
async fn keep_reading(rest: Rest, news: Sender<News>, key: String, full: bool) {
    let path = format!("/roads/{}/entries", utf8_percent_encode(&key, NON_ALPHANUMERIC));
    let mut wait = 0;
    loop {
        let seen = rest.get(&format!("{path}?limit=100&wait_ms={wait}&full={full}")).await;
        let seen = seen.map_err(|failure| failure.to_string());
        let failed = seen.is_err();
        wait = 1_000;
        if news.send(News::Entries(key.clone(), full, seen)).await.is_err() {
            return;
        }
        if failed {
            sleep(EVERY).await;
        }
    }
}
