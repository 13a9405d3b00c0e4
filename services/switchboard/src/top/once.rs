//! `--once`: one look, printed, for scripts and for mails. Rates need two looks, a second apart.

use super::draw::{self, Theme};
use super::frame::ClusterView;
use super::http::{RestClient, RestError};
use super::memory::History;
use super::rates::{self, StreamRate};
use super::state::UiState;
use super::troubles::{self, Level};
use super::watch::ClusterMonitor;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// The width of what is printed, and its height where nothing is left out.
const WIDTH: u16 = 132;
const MAX_HEIGHT: u16 = 2_000;

/// What is to be printed.
///
/// # Errors
/// When rest does not tell.
pub async fn snapshot(rest: &RestClient, as_json: bool) -> Result<String, RestError> {
    let first: Value = rest.get("/cluster").await?;
    sleep(SAMPLE_INTERVAL).await;
    let second: Value = rest.get("/cluster").await?;
    let read = |look: &Value| serde_json::from_value::<ClusterView>(look.clone());
    let (Ok(earlier), Ok(later)) = (read(&first), read(&second)) else {
        return Err(RestError::NotRest(rest.address(), "its answer is not understood".to_owned()));
    };
    Ok(match as_json {
        true => with_rates(second, &earlier, &later).to_string(),
        false => as_text(rest, earlier, later),
    })
}

/// What rest said, with the rates of each road and with what is wrong.
fn with_rates(mut look: Value, earlier: &ClusterView, later: &ClusterView) -> Value {
    let rates = rates::between(earlier, later);
    for road in look["roads"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        add_rates(road, &rates);
    }
    let troubles = troubles::find(later, &rates, &[]).into_iter().map(|trouble| {
        let level = if trouble.level == Level::Bad { "bad" } else { "warning" };
        json!({ "level": level, "text": trouble.text })
    });
    look["troubles"] = troubles.collect();
    look
}

fn add_rates(road: &mut Map<String, Value>, rates: &BTreeMap<String, StreamRate>) {
    let rate = road["key"].as_str().and_then(|key| rates.get(key)).copied();
    road.insert("rate_in".to_owned(), rate.map(|rate| rate.in_).into());
    road.insert("rate_out".to_owned(), rate.and_then(|rate| rate.out).into());
}

/// The screen, with as many lines as it needs.
fn as_text(rest: &RestClient, earlier: ClusterView, later: ClusterView) -> String {
    let mut memory = History::default();
    let lines = later.streams.len() + later.services.len() + later.backends.len();
    let height = u16::try_from(lines + 40).unwrap_or(MAX_HEIGHT).min(MAX_HEIGHT);
    memory.push(earlier);
    memory.push(later);
    let watch = ClusterMonitor { history: memory, ..ClusterMonitor::new(&rest.address()) };
    let theme = Theme { has_colour: false };
    let mut screen = match Terminal::new(TestBackend::new(WIDTH, height)) {
        Ok(screen) => screen,
        Err(never) => match never {},
    };
    let Ok(_) = screen.draw(|frame| draw::draw_without_keys(frame, &UiState::default(), &watch, theme));
    let buffer = screen.backend().buffer();
    let lines = buffer.content().chunks(usize::from(WIDTH)).map(|line| {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
