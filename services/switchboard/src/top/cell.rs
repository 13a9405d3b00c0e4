//! What tables are made of: cells that have a rank and a tone, rows, and the order they stand in. Pure.

use crate::words::{duration, number, sanitize};
use std::cmp::Ordering;

/// How something looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    /// Nothing to look at.
    Dim,
    Good,
    Warning,
    Bad,
}

/// By what a cell is sorted.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    Number(f64),
    Text(String),
    /// Behind all that says something.
    Empty,
}

/// What stands in a column of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub text: String,
    pub sort_key: SortKey,
    pub tone: Tone,
}

impl Cell {
    /// A text; sorted whatever its case.
    pub fn text(text: &str) -> Self {
        let text = sanitize(text);
        Self { sort_key: SortKey::Text(text.to_lowercase()), text, tone: Tone::Plain }
    }

    /// A number, as this text.
    pub fn number(text: String, value: Option<f64>) -> Self {
        let tone = if value.is_none_or(|value| value == 0.0) { Tone::Dim } else { Tone::Plain };
        Self { text, sort_key: value.map_or(SortKey::Empty, SortKey::Number), tone }
    }

    /// A number that may be unknown.
    pub fn count(value: Option<u64>) -> Self {
        Self::number(number(value), value.map(|value| value as f64))
    }

    /// Milliseconds that may be unknown.
    pub fn time(millis: Option<u64>) -> Self {
        Self::number(millis.map_or_else(|| "-".to_owned(), duration), millis.map(|millis| millis as f64))
    }

    /// The same, looking so.
    pub fn with_tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// A row, with the name that it keeps from look to look.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub name: String,
    pub cells: Vec<Cell>,
}

impl Row {
    /// Whether some cell has these letters, whatever their case.
    pub fn matches(&self, filter: &str) -> bool {
        let filter = filter.to_lowercase();
        self.cells.iter().any(|cell| cell.text.to_lowercase().contains(&filter))
    }
}

/// In which order: that of the cluster, or by a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SortOrder {
    pub column: Option<usize>,
    pub reversed: bool,
}

impl SortOrder {
    /// Puts rows in this order: the greatest number first, the first letter first.
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

    fn row(name: &str, rank: SortKey) -> Row {
        Row {
            name: name.to_owned(),
            cells: vec![Cell { text: name.to_owned(), sort_key: rank, tone: Tone::Plain }],
        }
    }

    fn sorted(reversed: bool, ranks: &[(&str, SortKey)]) -> Vec<String> {
        let mut rows: Vec<Row> = ranks.iter().map(|(name, rank)| row(name, rank.clone())).collect();
        SortOrder { column: Some(0), reversed }.sort(&mut rows);
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn the_greatest_number_and_the_first_letter_come_first_and_nothing_last() {
        let numbers =
            [("one", SortKey::Number(1.0)), ("none", SortKey::Empty), ("two", SortKey::Number(2.0))];
        assert_eq!(sorted(false, &numbers), ["two", "one", "none"]);
        assert_eq!(sorted(true, &numbers), ["one", "two", "none"]);
        let texts = [("b", SortKey::Text("b".to_owned())), ("a", SortKey::Text("a".to_owned()))];
        assert_eq!(sorted(false, &texts), ["a", "b"]);
        assert_eq!(sorted(true, &texts), ["b", "a"]);
        let mut rows = vec![row("z", SortKey::Number(1.0)), row("a", SortKey::Number(2.0))];
        SortOrder::default().sort(&mut rows);
        assert_eq!(rows[0].name, "z", "without a column they stay as they are");
    }
}
