//! Messages of notes.

use super::blocker_text::format_role;
use super::{Note, Unadoptable};
use crate::partition::{Identifier, QualifiedName, escape_control};

impl Note {
    /// Returns the name of the note, as `plan -o json` prints it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// Returns whether it reports partitions that are past the retention and stay.
    #[must_use]
    pub fn is_about_expired(&self) -> bool {
        matches!(self, Self::ExpiredUnmanaged { .. })
    }

    /// Returns the text of the note.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::NameTaken { wanted, used } => name_taken(wanted, used),
            Self::MorePeriods { planned, missing } => format!(
                "{missing} partitions are missing: this plan creates the {planned} most urgent ones, the next run plans the rest"
            ),
            Self::PlanFull { limit } => {
                format!(
                    "this plan has at least {limit} steps: the next run plans the indexes that are still missing"
                )
            }
            Self::Unmanaged { partitions, expire } => unmanaged(partitions, *expire),
            Self::AdoptedBefore { partition } => adopted_before(partition),
            Self::Unmarked { tables, constraint } => unmarked(tables, constraint),
            Self::Restored { tables } => restored(tables),
            Self::ExpiredUnmanaged { partitions } => expired_unmanaged(partitions),
            Self::ExpiredForeign { partitions } => expired_foreign(partitions),
            Self::NeverExpires { partitions } => format!(
                "{} without a lower bound, to which spec.retention does not apply: {}",
                counted(partitions),
                some_of(partitions)
            ),
            Self::UnknownAdoption { names } => {
                let names: Vec<_> = names.iter().map(|name| escape_control(name)).collect();
                format!(
                    "pgpartition.dev/adopt names no partition of this table: {}",
                    names.join(", ")
                )
            }
            Self::CannotAdopt { partition, why } => {
                format!("{} cannot be adopted: {}", partition.display(), why.explain())
            }
            Self::DefaultKept { default } => default_kept(default),
            Self::Superuser { role } => superuser(role.as_ref()),
            Self::NotPublished { publication, partitions } => {
                not_published(publication, partitions)
            }
            Self::StillPublished { partition, publications } => {
                still_published(partition, publications)
            }
            Self::Conversion(note) => note.explain(),
        }
    }
}

fn name_taken(wanted: &Identifier, used: &Identifier) -> String {
    format!(
        "another relation is named {}: the partition is named {} instead",
        wanted.display(),
        used.display()
    )
}

fn unmanaged(partitions: &[QualifiedName], expire: bool) -> String {
    let count = counted(partitions);
    let names = some_of(partitions);
    if expire {
        return format!("{count} unmanaged, spec.retention does not apply: {names}");
    }
    format!("{count} unmanaged: {names}")
}

fn expired_unmanaged(partitions: &[QualifiedName]) -> String {
    format!(
        "{} past the retention, but unmanaged and not detached: {}; to have them detached, name them in the \
         annotation pgpartition.dev/adopt",
        counted(partitions),
        some_of(partitions)
    )
}

fn adopted_before(partition: &QualifiedName) -> String {
    format!(
        "{} is not adopted: a table of this name was adopted before, and an adoption is not repeated for \
         another table; to adopt this one, remove its name from the annotation pgpartition.dev/adopt, wait \
         for a reconcile, and add it again",
        partition.display()
    )
}

fn unmarked(tables: &[QualifiedName], constraint: &Identifier) -> String {
    format!(
        "{} detached and without the operator's marker, which the operator neither attaches nor drops: {}; attach or drop \
         manually, or drop the constraint {} to remove this note",
        counted_tables(tables),
        format_names(tables),
        constraint.display()
    )
}

fn restored(tables: &[QualifiedName]) -> String {
    format!(
        "{} restored from a dump or created by a user, which the operator never drops: {}; attach or drop manually",
        counted_tables(tables),
        format_names(tables)
    )
}

fn default_kept(default: &QualifiedName) -> String {
    format!(
        "the default partition {} is kept although spec.defaultPartition is Absent: it is unmanaged, is not empty, \
         or takes rows of the current period",
        default.display()
    )
}

fn still_published(partition: &QualifiedName, publications: &[Identifier]) -> String {
    let names: Vec<_> = publications.iter().map(Identifier::display).collect();
    format!(
        "detached table {0} is still published by {1}, which another role owns: run ALTER PUBLICATION … DROP TABLE {0}",
        partition.display(),
        names.join(", ")
    )
}

impl Unadoptable {
    fn explain(self) -> &'static str {
        match self {
            Self::Default => {
                "it is the default partition, which spec.defaultPartition: Present keeps"
            }
            Self::NotAttached => "its detach is pending",
            Self::ForeignTable => "it is a foreign table",
            Self::OtherOwner => {
                "it has another owner than the table: run ALTER TABLE … OWNER TO the owner of the table"
            }
        }
    }
}

fn not_published(publication: &Identifier, partitions: &[QualifiedName]) -> String {
    let publication = publication.display();
    let example = partitions.first().map(QualifiedName::display).unwrap_or_default();
    format!(
        "publication {publication} names single partitions of this table, but not {}: when its subscribers \
         have the table, run ALTER PUBLICATION {publication} ADD TABLE {example}",
        some_of(partitions)
    )
}

fn expired_foreign(partitions: &[QualifiedName]) -> String {
    let names = some_of(partitions);
    format!(
        "foreign tables past the retention, which the operator does not manage: {names}; detach them manually"
    )
}

fn superuser(role: Option<&Identifier>) -> String {
    let role = format_role(role);
    format!("{role} is a superuser: log in as a role that is only a member of the table owner")
}

fn counted(partitions: &[QualifiedName]) -> String {
    let plural = if partitions.len() == 1 { "" } else { "s" };
    format!("{} partition{plural}", partitions.len())
}

fn counted_tables(tables: &[QualifiedName]) -> String {
    let plural = if tables.len() == 1 { "" } else { "s" };
    format!("{} table{plural}", tables.len())
}

/// Returns the first few names, without schemas.
pub(super) fn some_of(partitions: &[QualifiedName]) -> String {
    let mut names: Vec<_> = partitions.iter().take(5).map(|p| p.name.display()).collect();
    if partitions.len() > 5 {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// Returns the first few names with their schemas, because a user can have moved detached tables.
pub(super) fn format_names(tables: &[QualifiedName]) -> String {
    let mut names: Vec<_> = tables.iter().take(5).map(QualifiedName::display).collect();
    if tables.len() > 5 {
        names.push("…".to_owned());
    }
    names.join(", ")
}
