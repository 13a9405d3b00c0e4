//! What tables are made of: cells that have a rank and a tone, rows, and the order they stand in. Pure.

use crate::words::{duration, harmless, number};
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
pub enum Rank {
    Number(f64),
    Text(String),
    /// Behind all that says something.
    Nothing,
}

/// What stands in a column of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub text: String,
    pub rank: Rank,
    pub tone: Tone,
}

impl Cell {
    /// A text; sorted whatever its case.
    pub fn text(text: &str) -> Self {
        let text = harmless(text);
        Self { rank: Rank::Text(text.to_lowercase()), text, tone: Tone::Plain }
    }

    /// A number, as this text.
    pub fn number(text: String, value: Option<f64>) -> Self {
        let tone = if value.is_none_or(|value| value == 0.0) { Tone::Dim } else { Tone::Plain };
        Self { text, rank: value.map_or(Rank::Nothing, Rank::Number), tone }
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
    pub fn toned(self, tone: Tone) -> Self {
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
    pub fn has(&self, filter: &str) -> bool {
        let filter = filter.to_lowercase();
        self.cells.iter().any(|cell| cell.text.to_lowercase().contains(&filter))
    }
}

/// In which order: that of the cluster, or by a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    pub column: Option<usize>,
    pub reversed: bool,
}

impl Order {
    /// Puts rows in this order: the greatest number first, the first letter first.
    pub fn sort(self, rows: &mut [Row]) {
        let Some(column) = self.column else { return };
        rows.sort_by(|one, other| self.compare(&one.cells[column].rank, &other.cells[column].rank));
    }

    fn compare(self, one: &Rank, other: &Rank) -> Ordering {
        let order = match (one, other) {
            (Rank::Nothing, Rank::Nothing) => Ordering::Equal,
            (Rank::Nothing, _) => return Ordering::Greater,
            (_, Rank::Nothing) => return Ordering::Less,
            (Rank::Number(one), Rank::Number(other)) => other.total_cmp(one),
            (Rank::Text(one), Rank::Text(other)) => one.cmp(other),
            (Rank::Number(_), Rank::Text(_)) => Ordering::Less,
            (Rank::Text(_), Rank::Number(_)) => Ordering::Greater,
        };
        if self.reversed { order.reverse() } else { order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, rank: Rank) -> Row {
        Row { name: name.to_owned(), cells: vec![Cell { text: name.to_owned(), rank, tone: Tone::Plain }] }
    }

    fn sorted(reversed: bool, ranks: &[(&str, Rank)]) -> Vec<String> {
        let mut rows: Vec<Row> = ranks.iter().map(|(name, rank)| row(name, rank.clone())).collect();
        Order { column: Some(0), reversed }.sort(&mut rows);
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn the_greatest_number_and_the_first_letter_come_first_and_nothing_last() {
        let numbers = [("one", Rank::Number(1.0)), ("none", Rank::Nothing), ("two", Rank::Number(2.0))];
        assert_eq!(sorted(false, &numbers), ["two", "one", "none"]);
        assert_eq!(sorted(true, &numbers), ["one", "two", "none"]);
        let texts = [("b", Rank::Text("b".to_owned())), ("a", Rank::Text("a".to_owned()))];
        assert_eq!(sorted(false, &texts), ["a", "b"]);
        assert_eq!(sorted(true, &texts), ["b", "a"]);
        let mut rows = vec![row("z", Rank::Number(1.0)), row("a", Rank::Number(2.0))];
        Order::default().sort(&mut rows);
        assert_eq!(rows[0].name, "z", "without a column they stay as they are");
    }
}
