//! Indexes, as far as they can be named in a resource and compared with the catalog.

use super::{Identifier, digest};

/// What an index is, apart from its name and the table it is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexShape {
    /// The access method: `btree`, `gin` …
    pub method: String,
    /// Whether no two rows may have equal keys.
    pub unique: bool,
    /// The key columns, in order.
    pub columns: Vec<IndexColumn>,
    /// The columns stored beside the key: `INCLUDE`.
    pub include: Vec<Identifier>,
    /// The rows it covers: `WHERE`, as it was written or as the catalog deparses it.
    pub predicate: Option<String>,
}

/// A key column of an index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexColumn {
    /// The column.
    pub column: Identifier,
    /// `DESC`
    pub descending: bool,
    /// `NULLS FIRST`, which is what `DESC` alone means too.
    pub nulls_first: bool,
}

impl IndexShape {
    /// Whether an index of shape `found` does what this one asks for.
    ///
    /// Predicates are compared by their words: the catalog adds parentheses and casts. Where that
    /// cannot prove two predicates equal, they are taken to differ.
    #[must_use]
    pub fn is_met_by(&self, found: &Self) -> bool {
        let words = |shape: &Self| shape.predicate.as_deref().map(predicate_words);
        Self { predicate: None, ..self.clone() } == Self { predicate: None, ..found.clone() }
            && words(self) == words(found)
    }

    /// The columns it names, keys first.
    pub fn named_columns(&self) -> impl Iterator<Item = &Identifier> {
        self.columns.iter().map(|key| &key.column).chain(&self.include)
    }

    /// A digest that tells this shape from others, kept in the comment of an index we made.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&format!("{self:?}"), 12)
    }
}

/// The words of a predicate without what the catalog adds to it: parentheses, casts, white space.
fn predicate_words(predicate: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = predicate.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = rest.split_at(word_length(rest));
        if word == "::" {
            rest = after_type(after).trim_start();
            continue;
        }
        match first {
            '(' | ')' => {}
            '\'' | '"' => words.push(word.to_owned()),
            _ => words.push(if word == "!=" { "<>".to_owned() } else { word.to_lowercase() }),
        }
        rest = after.trim_start();
    }
    words
}

/// How many bytes the first word of `text` has: a quoted text, a name or number, an operator.
fn word_length(text: &str) -> usize {
    let first = text.chars().next().unwrap_or(' ');
    match first {
        '\'' | '"' => text[1..].find(first).map_or(text.len(), |end| end + 2),
        c if is_word(c) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        ':' if text.starts_with("::") => 2,
        c if "<>=!".contains(c) => text.find(|c| !"<>=!".contains(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.' || c == '$'
}

/// What follows the name of a type: `character varying`, `numeric(12,2)`, `text[]` …
fn after_type(text: &str) -> &str {
    let mut rest = text.trim_start();
    rest = &rest[word_length(rest).min(rest.len())..];
    for more in [" varying", " precision", " without time zone", " with time zone"] {
        rest = rest.strip_prefix(more).unwrap_or(rest);
    }
    if let Some(arguments) = rest.strip_prefix('(') {
        rest = arguments.split_once(')').map_or("", |(_, after)| after);
    }
    rest.strip_prefix("[]").unwrap_or(rest)
}
