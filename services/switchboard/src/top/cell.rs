//! Cells and rows of the tables, and the order of rows.

use crate::format::{duration, number};
use common::display::visible;
use std::cmp::Ordering;

/// How a text is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Dim,
    Good,
    Warning,
    Bad,
}

/// The value by which a cell is sorted.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    Number(f64),
    Text(String),
    /// Sorted last, whatever the order.
    Empty,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub text: String,
    pub sort_key: SortKey,
    pub tone: Tone,
}

impl Cell {
    /// Returns a text, which is sorted without regard to case.
    pub fn text(text: &str) -> Self {
        let text = visible(text).into_owned();
        Self { sort_key: SortKey::Text(text.to_lowercase()), text, tone: Tone::Plain }
    }

    /// Returns a number, which is shown as this text.
    pub fn number(text: String, value: Option<f64>) -> Self {
        let tone = if value.is_none_or(|value| value == 0.0) { Tone::Dim } else { Tone::Plain };
        Self { text, sort_key: value.map_or(SortKey::Empty, SortKey::Number), tone }
    }

    /// Returns a count that may be unknown.
    pub fn count(value: Option<u64>) -> Self {
        Self::number(number(value), value.map(|value| value as f64))
    }

    /// Returns a duration in milliseconds that may be unknown.
    pub fn duration(millis: Option<u64>) -> Self {
        Self::number(millis.map_or_else(|| "-".to_owned(), duration), millis.map(|millis| millis as f64))
    }

    pub fn with_tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Identifies the row from one view of the cluster to the next.
    pub name: String,
    pub cells: Vec<Cell>,
}

impl Row {
    /// Returns whether a cell contains this text, without regard to case.
    pub fn matches(&self, filter: &str) -> bool {
        let filter = filter.to_lowercase();
        self.cells.iter().any(|cell| cell.text.to_lowercase().contains(&filter))
    }
}

/// The order of the rows of a table: by a column, or that of the response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SortOrder {
    pub column: Option<usize>,
    pub reversed: bool,
}

impl SortOrder {
    /// Sorts rows: numbers from the greatest, texts from the first letter.
    pub fn sort(self, rows: &mut [Row]) {
        let Some(column) = self.column else { return };
        rows.sort_by(|one, other| self.compare(&one.cells[column].sort_key, &other.cells[column].sort_key));
    }

    fn compare(self, one: &SortKey, other: &SortKey) -> Ordering {
        let order = match (one, other) {
            (SortKey::Empty, SortKey::Empty) => Ordering::Equal,
            (SortKey::Empty, _) => return Ordering::Greater,
            (_, SortKey::Empty) => return Ordering::Less,
            (SortKey::Number(one), SortKey::Number(other)) => other.total_cmp(one),
            (SortKey::Text(one), SortKey::Text(other)) => one.cmp(other),
            (SortKey::Number(_), SortKey::Text(_)) => Ordering::Less,
            (SortKey::Text(_), SortKey::Number(_)) => Ordering::Greater,
        };
        if self.reversed { order.reverse() } else { order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, sort_key: SortKey) -> Row {
        Row {
            name: name.to_owned(),
            cells: vec![Cell { text: name.to_owned(), sort_key, tone: Tone::Plain }],
        }
    }

    fn sorted(reversed: bool, keys: &[(&str, SortKey)]) -> Vec<String> {
        let mut rows: Vec<Row> = keys.iter().map(|(name, sort_key)| row(name, sort_key.clone())).collect();
        SortOrder { column: Some(0), reversed }.sort(&mut rows);
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn greatest_count_and_first_text_come_first() {
        let counts = [("one", SortKey::Number(1.0)), ("none", SortKey::Empty), ("two", SortKey::Number(2.0))];
        assert_eq!(sorted(false, &counts), ["two", "one", "none"]);
        assert_eq!(sorted(true, &counts), ["one", "two", "none"]);
        let texts = [("b", SortKey::Text("b".to_owned())), ("a", SortKey::Text("a".to_owned()))];
        assert_eq!(sorted(false, &texts), ["a", "b"]);
        assert_eq!(sorted(true, &texts), ["b", "a"]);
        let mut rows = vec![row("z", SortKey::Number(1.0)), row("a", SortKey::Number(2.0))];
        SortOrder::default().sort(&mut rows);
        assert_eq!(rows[0].name, "z", "without a column the order stays");
    }
}
