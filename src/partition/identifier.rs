//! Names in Postgres.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name Postgres keeps, in bytes: `NAMEDATALEN - 1`.
/// <https://www.postgresql.org/docs/current/limits.html>
pub(super) const MAX_BYTES: usize = 63;

/// A Postgres identifier: 1 to 63 bytes, no NUL.
///
/// It has no `Display` on purpose. The way into SQL text is [`crate::sql`]'s quoting; the way
/// before a person's eyes is [`Identifier::display`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identifier(String);

/// Error of an invalid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// Nothing between the quotes.
    #[error("a name must not be empty")]
    Empty,
    /// Postgres would cut it, and two names could become one.
    #[error("a name has at most {MAX_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// Postgres has no text with a NUL in it.
    #[error("a name must not contain NUL")]
    Nul,
    /// Not `name` or `schema.name` as SQL quotes them.
    #[error("not a valid SQL identifier: {0}")]
    Syntax(String),
}

impl Identifier {
    /// Creates an identifier from `text` unchanged: case-sensitive, without special characters.
    ///
    /// # Errors
    /// Returns an error if `text` is empty, longer than 63 bytes, or contains NUL.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidIdentifier> {
        let text = text.into();
        if text.is_empty() {
            return Err(InvalidIdentifier::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(InvalidIdentifier::TooLong(text.len()));
        }
        if text.contains('\0') {
            return Err(InvalidIdentifier::Nul);
        }
        Ok(Self(text))
    }

    /// A name that we put together from identifiers, and cut to fit.
    pub(super) fn composed(text: String) -> Self {
        debug_assert!((1..=MAX_BYTES).contains(&text.len()), "{text:?} was not cut to fit");
        Self(text)
    }

    /// The name as Postgres stores it, without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a person is shown it: quoted as SQL would need it, and with control characters
    /// escaped, so that no name can play tricks on a terminal or a log.
    #[must_use]
    pub fn display(&self) -> String {
        let plain =
            self.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                && !self.0.starts_with(|c: char| c.is_ascii_digit());
        if plain {
            return self.0.clone();
        }
        format!("\"{}\"", escape_control(&self.0).replace('"', "\"\""))
    }
}

/// A text of the database's or a resource's as a person is shown it: with control characters escaped.
#[must_use]
pub fn escape_control(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

impl TryFrom<String> for Identifier {
    type Error = InvalidIdentifier;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.0
    }
}

/// The name of a relation with its schema.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    /// Name of the schema.
    pub schema: Identifier,
    /// The name within the schema.
    pub name: Identifier,
}

impl QualifiedName {
    /// Another relation of the same schema.
    #[must_use]
    pub fn sibling(&self, name: Identifier) -> Self {
        Self { schema: self.schema.clone(), name }
    }

    /// Reads a name as [`sql_name`] does; without a schema it is one of `public`.
    ///
    /// # Errors
    /// Returns an error if the text is not such a name.
    pub fn parse_sql(text: &str) -> Result<Self, InvalidIdentifier> {
        let (schema, name) = sql_name(text)?;
        let schema = schema.map_or_else(|| Identifier::new("public"), Ok)?;
        Ok(Self { schema, name })
    }

    /// The name as a person is shown it: see [`Identifier::display`].
    #[must_use]
    pub fn display(&self) -> String {
        format!("{}.{}", self.schema.display(), self.name.display())
    }
}

impl fmt::Debug for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

/// Reads names that dots separate with SQL's quoting: unquoted parts fold to lower case, `""` within
/// quotes is one quote.
///
/// # Errors
/// Returns an error if the text is not such a list of names.
pub fn sql_names(text: &str) -> Result<Vec<Identifier>, InvalidIdentifier> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = sql_part(rest)?;
        names.push(name);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(names),
            None => return Err(InvalidIdentifier::Syntax(text.to_owned())),
        }
    }
}

/// Reads `name` or `schema.name` as [`sql_names`] does.
///
/// # Errors
/// Returns an error if the text is not such a name.
pub fn sql_name(text: &str) -> Result<(Option<Identifier>, Identifier), InvalidIdentifier> {
    let mut names = sql_names(text)?.into_iter();
    match (names.next(), names.next(), names.next()) {
        (Some(name), None, _) => Ok((None, name)),
        (Some(schema), Some(name), None) => Ok((Some(schema), name)),
        (None, ..) | (Some(_), Some(_), Some(_)) => Err(InvalidIdentifier::Syntax(text.to_owned())),
    }
}

/// One name at the start of `text`, and what follows it.
fn sql_part(text: &str) -> Result<(Identifier, &str), InvalidIdentifier> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        // Of other letters, Postgres leaves the case as it is in UTF-8.
        return Ok((Identifier::new(name.to_ascii_lowercase())?, rest));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|&(_, next)| next == '"').is_some() {
            name.push('"');
        } else {
            let (_, rest) = quoted.split_at(at + 1);
            return Ok((Identifier::new(name)?, rest));
        }
    }
    Err(InvalidIdentifier::Syntax(text.to_owned()))
}
