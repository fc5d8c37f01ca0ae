//! Takes out of the texts of a server what they repeat of a Secret.

use std::fmt;

use super::{ConnectionSettings, Setting};

/// Replacement of a value.
const HIDDEN: &str = "(from the Secret)";

/// Quotation marks of servers, in the languages of Postgres.
const QUOTES: [(&str, &str); 7] =
    [("\"", "\""), ("»", "«"), ("«", "»"), ("« ", " »"), ("„", "“"), ("“", "”"), ("'", "'")];

/// Objects of which a name that happens to be the user's or the database's tells nothing.
const OBJECTS: [&str; 10] = [
    "relation",
    "table",
    "index",
    "schema",
    "column",
    "constraint",
    "function",
    "type",
    "sequence",
    "parameter",
];

/// Names of objects that servers do not always quote.
const UNQUOTED: [&str; 3] = ["database", "role", "user"];

/// Names of the settings that a server repeats, and must not be shown.
#[derive(Clone, Default)]
pub(in crate::postgres) struct Redaction {
    names: Vec<String>,
}

impl Redaction {
    pub(in crate::postgres) fn new(settings: &ConnectionSettings) -> Self {
        let names = [&settings.user, &settings.dbname].into_iter().flatten();
        let secret = |name: &&Setting<String>| name.secret().is_some();
        Self { names: names.filter(secret).map(|name| name.expose().clone()).collect() }
    }

    /// Returns the text without the names.
    pub(in crate::postgres) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for name in &self.names {
            for (open, close) in QUOTES {
                text = without(&text, &format!("{open}{name}{close}"));
            }
            for object in UNQUOTED {
                text = without_word(&text, object, name);
            }
        }
        text
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} names>", self.names.len())
    }
}

fn without(text: &str, quoted: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(quoted) {
        kept.push_str(before);
        let is_another = OBJECTS.iter().any(|object| kept.trim_end().ends_with(object));
        kept.push_str(if is_another { quoted } else { HIDDEN });
        rest = after;
    }
    kept + rest
}

/// `permission denied for database canary`.
fn without_word(text: &str, object: &str, name: &str) -> String {
    let said = format!("{object} {name}");
    let goes_on = |after: &str| after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&said) {
        kept.push_str(before);
        if goes_on(after) {
            kept.push_str(&said);
        } else {
            kept.push_str(&format!("{object} {HIDDEN}"));
        }
        rest = after;
    }
    kept + rest
}
