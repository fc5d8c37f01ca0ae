//! Markers of managed tables, in their comments. Only the owner can set a comment; it survives a rename, and a
//! dump and restore. A marker is the first line of the comment; the text of a user follows it.

use jiff::Timestamp;

use super::stored_name::{stored_name, stored_names};
use super::{Identifier, ManagedTable, QualifiedName, digest};

/// Prefix of every marker.
pub const MARKER_PREFIX: &str = "pgpartition.dev ";

/// The first word of the marker of a partition that has expired.
const EXPIRED: &str = "expired";

/// The first word of the line that records adoptions.
const ADOPTED: &str = "adopted";

/// Hexadecimal digits of the digest of an adopted name.
const ADOPTION_DIGITS: usize = 12;

/// State of a table in its marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkerState {
    /// We made it to become a partition; it has never been one.
    ToBeAttached,
    /// The table is a managed partition.
    Attached,
    /// It is a partition that has expired, and will be detached.
    Expired {
        /// Whether the spec said `onExpiry: Drop` when that was decided.
        drops: bool,
    },
    /// The operator detached it.
    Detached(Detached),
}

/// Since when a table is detached, and since when it waits to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detached {
    /// Time at which the operator found it detached.
    pub at: Timestamp,
    /// Start of its grace period; `None` if it is kept, as `onExpiry: Detach` says.
    pub drops_since: Option<Timestamp>,
}

/// The first line of a comment, without the names and the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// State of the table.
    pub state: MarkerState,
    /// Object identifier of the table that the marker is for; `None` in a marker that does not say it. A
    /// restored table has another one, and so has a table whose comment a user copied.
    pub oid: Option<u32>,
    /// Object identifier of the partitioned table; `None` in a marker that does not say it.
    pub parent: Option<u32>,
    /// Number of times that the expiry of the partition was reversed. An approval covers it, so it does not
    /// approve another expiry.
    pub cycle: u32,
}

impl Marker {
    /// Returns a marker that says no more than the mark.
    #[must_use]
    pub fn new(state: MarkerState) -> Self {
        Self { state, oid: None, parent: None, cycle: 0 }
    }

    fn words(&self) -> String {
        let (verb, preposition) = match self.state {
            MarkerState::ToBeAttached => ("table".to_owned(), "for"),
            MarkerState::Attached => ("partition".to_owned(), "of"),
            MarkerState::Expired { .. } => (EXPIRED.to_owned(), "from"),
            MarkerState::Detached(Detached { at, .. }) => (format!("detached {at}"), "from"),
        };
        let mut facts = Vec::new();
        facts.extend(self.oid.map(|oid| format!("oid {oid}")));
        facts.extend(self.parent.map(|parent| format!("parent {parent}")));
        facts.extend((self.cycle > 0).then(|| format!("cycle {}", self.cycle)));
        facts.extend(match self.state {
            MarkerState::Expired { drops: true } => Some("drops".to_owned()),
            MarkerState::Detached(Detached { drops_since: Some(since), .. }) => {
                Some(format!("drops since {since}"))
            }
            MarkerState::ToBeAttached
            | MarkerState::Attached
            | MarkerState::Expired { .. }
            | MarkerState::Detached(_) => None,
        });
        if facts.is_empty() {
            return format!("{verb} {preposition}");
        }
        format!("{verb} ({}) {preposition}", facts.join(", "))
    }

    /// Reads the marker a comment begins with. Returns it with what follows its words.
    fn read(comment: &str) -> Option<(Self, &str)> {
        let line = comment.lines().next()?.strip_prefix(MARKER_PREFIX)?;
        let (verb, rest) = line.split_once(' ')?;
        let (at, rest) = match verb {
            "detached" => rest.split_once(' ').map(|(at, rest)| (at.parse().ok(), rest))?,
            _ => (None, rest),
        };
        let (facts, rest) = match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(") ")?,
            None => ("", rest),
        };
        let (preposition, rest) = rest.split_once(' ')?;
        let state = match (verb, preposition) {
            ("table", "for") => MarkerState::ToBeAttached,
            ("partition", "of") => MarkerState::Attached,
            (EXPIRED, "from") => MarkerState::Expired { drops: false },
            ("detached", "from") => MarkerState::Detached(Detached { at: at?, drops_since: None }),
            _ => return None,
        };
        let facts = facts.split(", ").filter(|fact| !fact.is_empty());
        let marker = facts.into_iter().try_fold(Self::new(state), Self::with)?;
        Some((marker, rest))
    }

    /// The marker with one more fact; `None` if it cannot be read, or does not go with the mark.
    fn with(mut self, fact: &str) -> Option<Self> {
        let (name, value) = fact.split_once(' ').unwrap_or((fact, ""));
        match (name, &mut self.state) {
            ("oid", _) => self.oid = Some(value.parse().ok()?),
            ("parent", _) => self.parent = Some(value.parse().ok()?),
            ("cycle", _) => self.cycle = value.parse().ok()?,
            ("drops", MarkerState::Expired { drops }) if value.is_empty() => *drops = true,
            ("drops", MarkerState::Detached(detached)) => {
                detached.drops_since = Some(value.strip_prefix("since ")?.parse().ok()?);
            }
            _ => return None,
        }
        Some(self)
    }
}

/// Returns the first line of the comment on a managed table: its partitioned table and its bounds, as in `FOR
/// VALUES …`.
#[must_use]
pub fn partition_marker(marker: &Marker, table: &ManagedTable, bounds: &str) -> String {
    format!("{}{} {bounds}", marker_beginning(marker), stored_name(table.name()))
}

/// Returns what the marker of every partition of a table has between its words and its bounds: the name of the table.
#[must_use]
pub fn table_in_marker(table: &ManagedTable) -> String {
    format!(" {} ", stored_name(table.name()))
}

/// The first line of a comment up to the name of the partitioned table, which can change.
#[must_use]
pub fn marker_beginning(marker: &Marker) -> String {
    format!("{MARKER_PREFIX}{} ", marker.words())
}

/// Returns how the marker of a partition that has expired begins.
#[must_use]
pub fn expired_beginning() -> String {
    format!("{MARKER_PREFIX}{EXPIRED} ")
}

/// Marker parsed from a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked<'a> {
    /// State of the table.
    pub marker: Marker,
    /// Whether it names the partitioned table that was asked for.
    pub names_table: bool,
    /// The bounds, as in `FOR VALUES …`.
    pub bounds: &'a str,
}

/// Reads the marker in a comment, for whichever table; `None` if there is none.
#[must_use]
pub fn marker_in<'a>(comment: &'a str, table: &ManagedTable) -> Option<Marked<'a>> {
    let (marker, rest) = Marker::read(comment)?;
    let mut quoted = false;
    let end = rest.find(|c| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    })?;
    let (name, bounds) = rest.split_at_checked(end)?;
    let bounds = bounds.strip_prefix(' ')?;
    let names_table = stored_names(table.name()).any(|stored| stored == name);
    Some(Marked { marker, names_table, bounds })
}

/// Returns the part of a comment that a user wrote.
#[must_use]
pub fn without_marker(comment: &str) -> Option<&str> {
    if Marker::read(comment).is_none() {
        return Some(comment);
    }
    comment.split_once('\n').map(|(_, own)| own)
}

/// Returns the digest by which the table's comment records that a partition of this name has been adopted.
#[must_use]
pub fn adoption_digest(partition: &QualifiedName) -> String {
    digest(&stored_name(partition), ADOPTION_DIGITS)
}

/// Returns every digest by which the comment can record it, the one that is written from now on first.
pub fn adoption_digests(partition: &QualifiedName) -> impl Iterator<Item = String> + use<> {
    stored_names(partition).map(|name| digest(&name, ADOPTION_DIGITS))
}

/// Returns the line of the table's comment that records what has been adopted.
#[must_use]
pub fn adoption_line<'a>(digests: impl Iterator<Item = &'a str>) -> String {
    format!("{MARKER_PREFIX}{ADOPTED} {}", digests.collect::<Vec<_>>().join(" "))
}

/// Returns the patterns, for Postgres, of the beginning of such a line and of the digests in the rest of it.
#[must_use]
pub fn adoption_patterns() -> [String; 2] {
    let beginning = format!("{MARKER_PREFIX}{ADOPTED} ").replace('.', "\\.");
    [beginning, "[0-9a-f ]*".to_owned()]
}

/// The comment on an index we made: for which index of the resource, and a digest of its shape.
#[must_use]
pub fn index_marker(index: &Identifier, digest: &str) -> String {
    format!("{MARKER_PREFIX}index {digest} {}", index.as_str())
}

/// The digest and the index that a comment names.
#[must_use]
pub fn index_in_marker(comment: &str) -> Option<(&str, Identifier)> {
    let (digest, index) =
        comment.strip_prefix(&format!("{MARKER_PREFIX}index "))?.split_once(' ')?;
    Some((digest, Identifier::new(index).ok()?))
}

#[cfg(test)]
mod tests {
    use super::{
        Detached, Marker, MarkerState, adoption_digest, adoption_digests, marker_in,
        partition_marker,
    };
    use crate::partition::{Identifier, ManagedTable, QualifiedName};

    const BOUNDS: &str = "FOR VALUES FROM ('a b) (') TO ('c')";

    fn table(name: &str) -> ManagedTable {
        let named = |name: &str| Identifier::new(name).expect("a name");
        let (schema, name) = (named("My \"own\" schema"), named(name));
        ManagedTable::new(QualifiedName { schema, name })
    }

    #[test]
    fn marker_is_read_as_it_was_written() {
        let at = "2026-04-01T00:00:00.5Z".parse().expect("an instant");
        let drops_since = Some("2026-05-01T00:00:00Z".parse().expect("an instant"));
        for state in [
            MarkerState::ToBeAttached,
            MarkerState::Attached,
            MarkerState::Expired { drops: false },
            MarkerState::Expired { drops: true },
            MarkerState::Detached(Detached { at, drops_since: None }),
            MarkerState::Detached(Detached { at, drops_since }),
        ] {
            for marker in [
                Marker::new(state),
                Marker { oid: Some(16_385), ..Marker::new(state) },
                Marker { state, oid: Some(u32::MAX), parent: Some(1), cycle: 7 },
            ] {
                let line = partition_marker(&marker, &table("a (b) from c"), BOUNDS);
                let found = marker_in(&line, &table("a (b) from c")).expect("a marker");
                assert_eq!(
                    (found.marker, found.names_table, found.bounds),
                    (marker, true, BOUNDS),
                    "{line}"
                );
                let other = marker_in(&line, &table("other")).expect("a marker");
                assert!(!other.names_table, "{line}");
            }
        }
    }

    #[test]
    fn markers_of_earlier_versions_are_read() {
        let named = "\"My \"\"own\"\" schema\".t";
        for (words, state) in [
            ("table for", MarkerState::ToBeAttached),
            ("partition of", MarkerState::Attached),
            ("expired from", MarkerState::Expired { drops: false }),
        ] {
            let line = format!("pgpartition.dev {words} {named} {BOUNDS}\nown words");
            let found = marker_in(&line, &table("t")).expect("a marker");
            assert_eq!((found.marker, found.bounds), (Marker::new(state), BOUNDS), "{line}");
        }
    }

    #[test]
    fn marker_with_an_unknown_fact_is_ignored() {
        for words in [
            "expired (oid x) from",
            "expired (oid 1, until noon) from",
            "partition (drops) of",
            "detached 2026-04-01T00:00:00Z (drops since noon) from",
            "detached noon from",
            "expired of",
        ] {
            let line = format!("pgpartition.dev {words} public.t {BOUNDS}");
            assert_eq!(marker_in(&line, &table("t")), None, "{line}");
        }
    }

    #[test]
    fn marker_names_only_its_table_and_reads_version_0() {
        let named = |name: &str| {
            let [schema, name] = ["s", name].map(|name| Identifier::new(name).expect("a name"));
            ManagedTable::new(QualifiedName { schema, name })
        };
        let (newline, backslash) = (named("a\nb"), named("a\\nb"));
        let marker = Marker { oid: Some(1), parent: Some(2), ..Marker::new(MarkerState::Attached) };
        let line = partition_marker(&marker, &newline, "DEFAULT");
        assert_eq!(line, r#"pgpartition.dev partition (oid 1, parent 2) of s.U&"a\000Ab" DEFAULT"#);
        let is_for = |line: &str, table: &ManagedTable| {
            marker_in(line, table).is_some_and(|found| found.names_table)
        };
        assert!(is_for(&line, &newline) && !is_for(&line, &backslash));
        let line = partition_marker(&marker, &backslash, "DEFAULT");
        assert_eq!(line, r#"pgpartition.dev partition (oid 1, parent 2) of s.U&"a\\nb" DEFAULT"#);
        assert!(is_for(&line, &backslash) && !is_for(&line, &newline));
        // Version 0 wrote the same for both; the object identifiers tell them apart.
        let line = r#"pgpartition.dev partition (oid 1, parent 2) of s."a\nb" DEFAULT"#;
        assert!(is_for(line, &newline) && is_for(line, &backslash) && !is_for(line, &named("ab")));
    }

    #[test]
    fn digests_of_adopted_names_are_golden() {
        for (name, digests) in [
            ("readings_old", &["e8a521cf66e0"][..]),
            ("old\\part", &["5de1c9e444c6", "2385fc0c7c20"]),
            ("old\npart", &["61410c347eb9", "8df96087e723"]),
        ] {
            let [schema, name] =
                ["finance", name].map(|name| Identifier::new(name).expect("a name"));
            let partition = QualifiedName { schema, name };
            assert_eq!(adoption_digests(&partition).collect::<Vec<_>>(), digests);
            assert_eq!(Some(&*adoption_digest(&partition)), digests.first().copied());
        }
    }
}
