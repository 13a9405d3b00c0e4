//! `--once`: prints the state of the cluster once, for scripts and mails. It makes two requests, a second
//! apart, for the rates.

use super::draw::{self, Theme};
use super::history::{History, StreamRate, rates_between};
use super::model::ClusterView;
use super::rest_client::{RestClient, RestError};
use super::state::UiState;
use common::display::visible_json;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// The width of the text, in columns.
const WIDTH: u16 = 132;
/// A height, in lines, at which nothing is left out.
const MAX_HEIGHT: u16 = 2_000;

/// Returns the text to print.
pub async fn snapshot(rest: &RestClient, as_json: bool) -> Result<String, RestError> {
    let first: Value = rest.get("/cluster").await?;
    sleep(SAMPLE_INTERVAL).await;
    let second: Value = rest.get("/cluster").await?;
    let parse = |response: &Value| {
        serde_json::from_value::<ClusterView>(response.clone())
            .map_err(|error| RestError::NotRest(rest.address(), error.to_string()))
    };
    let (earlier, later) = (parse(&first)?, parse(&second)?);
    if as_json {
        let view = with_rates(second, &rates_between(&earlier, &later));
        Ok(visible_json(&view.to_string()).into_owned())
    } else {
        Ok(as_text(rest, earlier, later))
    }
}

/// Adds the rates to the streams of a response.
fn with_rates(mut response: Value, rates: &BTreeMap<String, StreamRate>) -> Value {
    let streams = response["streams"].as_array_mut().into_iter().flatten();
    for stream in streams.filter_map(Value::as_object_mut) {
        add_rates(stream, rates);
    }
    response
}

fn add_rates(stream: &mut Map<String, Value>, rates: &BTreeMap<String, StreamRate>) {
    let rate = stream["key"].as_str().and_then(|key| rates.get(key)).copied();
    stream.insert("rate_in".to_owned(), rate.map(|rate| rate.added).into());
    stream.insert("rate_out".to_owned(), rate.and_then(|rate| rate.removed).into());
}

/// Draws the screen with as many lines as it needs.
fn as_text(rest: &RestClient, earlier: ClusterView, later: ClusterView) -> String {
    let rows = later.findings.len() + later.streams.len() + later.backends.len();
    let services = later.services.len() + later.departed.len();
    let height = u16::try_from(rows + services + 40).unwrap_or(MAX_HEIGHT).min(MAX_HEIGHT);
    let mut history = History::new(&rest.address());
    history.apply(Ok(earlier));
    history.apply(Ok(later));
    let theme = Theme { has_colour: false };
    let mut screen = match Terminal::new(TestBackend::new(WIDTH, height)) {
        Ok(screen) => screen,
        Err(never) => match never {},
    };
    let Ok(_) = screen.draw(|frame| draw::draw_without_keys(frame, &UiState::default(), &history, theme));
    let buffer = screen.backend().buffer();
    let lines = buffer.content().chunks(usize::from(WIDTH)).map(|line| {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
