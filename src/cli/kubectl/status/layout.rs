//! Layout of text for a terminal: wrapped lines, and readable times.

use std::io::IsTerminal as _;

use jiff::{SignedDuration, Timestamp};

/// The longest line, in characters.
const WIDTH: usize = 100;

/// Whether output is colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli::kubectl) enum Paint {
    /// Characters alone.
    Plain,
    /// With the escape sequences of a terminal.
    Colored,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Paint {
    /// Returns colors for a terminal, unless NO_COLOR is set: <https://no-color.org>.
    pub(super) fn for_standard_output() -> Self {
        let none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stdout().is_terminal() && !none { Self::Colored } else { Self::Plain }
    }

    pub(super) fn paint(self, text: &str, color: Color) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colored => format!("\u{1b}[{}m{text}\u{1b}[0m", color as u8),
        }
    }
}

/// A paragraph after `first`, broken at spaces; all further lines begin below its text.
pub(super) fn paragraph(first: &str, text: &str) -> String {
    broken(first, first.chars().count(), text)
}

/// One of several, `indent` from the left; all further lines begin a little more to the right.
pub(super) fn item(indent: usize, text: &str) -> String {
    broken(&" ".repeat(indent), indent + 4, text)
}

fn broken(first: &str, indent: usize, text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let length = word.chars().count();
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && indent + line + 1 + length > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    let lines = lines.join(&format!("\n{}", " ".repeat(indent)));
    format!("{first}{lines}\n")
}

/// `in 6 days`, `3 hours ago`.
pub(super) fn relative(to: Timestamp, now: Timestamp) -> String {
    let between = to.duration_since(now);
    if between.is_negative() {
        format!("{} ago", long(between))
    } else {
        format!("in {}", long(between))
    }
}

/// `6 days`, whichever comes first.
pub(super) fn long(between: SignedDuration) -> String {
    let (count, unit) = largest_unit(between);
    let unit = match unit {
        's' => "second",
        'm' => "minute",
        'h' => "hour",
        _ => "day",
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `6d`, as kubectl writes an age.
pub(super) fn short(between: SignedDuration) -> String {
    let (count, unit) = largest_unit(between);
    format!("{count}{unit}")
}

/// In the largest unit of which there are two.
fn largest_unit(between: SignedDuration) -> (u64, char) {
    let seconds = between.as_secs().unsigned_abs();
    let units = [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm')];
    let unit = units.into_iter().find(|(length, _)| seconds >= 2 * length);
    unit.map_or((seconds, 's'), |(length, unit)| (seconds / length, unit))
}
