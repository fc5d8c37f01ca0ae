//! One line of a scenario, word by word.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pg_partition_operator::partition::{
    Axis, Edge, Identifier, KeyType, QualifiedName, RangeBounds,
};
use serde_json::{Value, json};

/// The words of a line. What stands within quotes, parentheses or brackets is one word.
pub(crate) struct Line(std::iter::Peekable<std::vec::IntoIter<String>>);

impl Iterator for Line {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.0.next()
    }
}

impl Line {
    pub(crate) fn new(text: &str) -> Self {
        let (mut words, mut word, mut quoted, mut depth) = (Vec::new(), String::new(), false, 0);
        for c in text.chars().chain([' ']) {
            match c {
                '"' => quoted = !quoted,
                '(' | '[' if !quoted => depth += 1,
                ')' | ']' if !quoted => depth -= 1,
                _ => {}
            }
            if !c.is_whitespace() || quoted || depth > 0 {
                word.push(c);
            } else if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        }
        assert!(!quoted && depth == 0, "something stays open in {text:?}");
        Self(words.into_iter().peekable())
    }

    pub(crate) fn word(&mut self) -> String {
        self.next().expect("another word in the line")
    }

    /// Whether this word comes next.
    pub(crate) fn is_next(&mut self, word: &str) -> bool {
        self.0.peek().is_some_and(|next| next == word)
    }

    pub(crate) fn number<N: std::str::FromStr>(&mut self) -> N {
        self.word().parse().unwrap_or_else(|_| panic!("a number"))
    }

    /// A name as SQL writes it; without a schema it is in `shop`.
    pub(crate) fn name(&mut self) -> QualifiedName {
        let word = self.word();
        let is_qualified = word.starts_with(|c: char| c != '"') && word.contains('.');
        let text = if is_qualified { word } else { format!("shop.{word}") };
        QualifiedName::parse_sql(&text).expect("a name as SQL writes it")
    }

    /// `orders_placed on (placed_at desc) include (amount) unique where "…" newest 2`
    pub(crate) fn index(&mut self) -> Value {
        let name = self.name().name;
        assert_eq!(self.word(), "on");
        self.index_named(&name)
    }

    /// Parses the text after the name of an index into fields of a resource.
    pub(crate) fn index_named(&mut self, name: &Identifier) -> Value {
        let columns: Vec<_> = self.list().iter().map(|column| index_column(column)).collect();
        let mut index = json!({"name": name.as_str(), "columns": columns});
        let known = ["unique", "using", "where", "include", "newest"];
        while let Some(word) = self.0.next_if(|word| known.contains(&word.as_str())) {
            match word.as_str() {
                "unique" => index["unique"] = json!(true),
                "using" => index["method"] = json!(self.word()),
                "where" => index["where"] = json!(self.word().trim_matches('"')),
                "include" => index["include"] = json!(self.list()),
                _ => {
                    index["partitions"] = json!("Newest");
                    index["newest"] = json!(self.word().parse::<i64>().expect("a number"));
                }
            }
        }
        index
    }

    fn list(&mut self) -> Vec<String> {
        let word = self.word();
        let inner = word.trim_start_matches('(').trim_end_matches(')');
        inner.split(',').map(|item| item.trim().to_owned()).collect()
    }
}

fn index_column(text: &str) -> Value {
    match text.split_once(' ') {
        Some((column, "desc")) => json!({"column": column, "order": "Desc"}),
        _ => json!({"column": text}),
    }
}

/// `[2026-11-01, 2026-12-01)`
pub(crate) fn range(text: &str, key: KeyType, zone: &str) -> RangeBounds {
    let inner = text.trim_start_matches('[').trim_end_matches(')');
    let (from, to) = inner.split_once(", ").expect("two edges");
    RangeBounds::new(edge(from, key, zone), edge(to, key, zone)).expect("a range is not empty")
}

/// `MINVALUE`, a value as Postgres writes it with `+00`, a uuid, or what a clock in the zone shows.
fn edge(text: &str, key: KeyType, zone: &str) -> Edge {
    match text {
        "MINVALUE" => return Edge::MinValue,
        "MAXVALUE" => return Edge::MaxValue,
        _ => {}
    }
    let is_literal = text.ends_with("+00")
        || text.ends_with("infinity")
        || text.len() == 36
        || key.is_wall_clock();
    if is_literal {
        return key.parse(text).expect("a value as Postgres writes it");
    }
    let wall: DateTime = text.parse().expect("a day, or a day and a time");
    let axis = Axis { key, zone: TimeZone::get(zone).expect("a zone") };
    Edge::At(axis.at(axis.zone.to_timestamp(wall).expect("an instant")))
}
