//! Notes in a person's words.

use super::explain::{counted, some_of};
use super::remedy::shown_role;
use super::{Note, Unadoptable};
use crate::partition::{Identifier, QualifiedName, shown_text};

impl Note {
    /// Whether it tells of partitions that are past the retention, and stay.
    #[must_use]
    pub fn is_of_expired(&self) -> bool {
        matches!(self, Self::ExpiredUnmanaged { .. })
    }

    /// What a person may want to know.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::NameGoneRound { wanted, used } => format!(
                "something else is called {}: {} is used instead",
                wanted.shown(),
                used.shown()
            ),
            Self::Unmanaged { partitions } => {
                format!("{} made by others: {}", counted(partitions), some_of(partitions))
            }
            Self::Restored { tables } => format!(
                "{} restored from a dump or made by a user, and never dropped: {}; attach or drop {} \
                 manually",
                if tables.len() == 1 {
                    "1 table".to_owned()
                } else {
                    format!("{} tables", tables.len())
                },
                some_of(tables),
                if tables.len() == 1 { "it" } else { "them" },
            ),
            Self::ExpiredUnmanaged { partitions } => format!(
                "{} past the retention made by others, and left alone: {}; name them in the annotation \
                 pgpartition.dev/adopt to have them let go",
                counted(partitions),
                some_of(partitions)
            ),
            Self::NeverExpires { partitions } => format!(
                "{} without a lower end, and never let go: {}",
                counted(partitions),
                some_of(partitions)
            ),
            Self::UnknownAdoption { names } => {
                let names: Vec<_> = names.iter().map(|name| shown_text(name)).collect();
                format!("no partition of this table to adopt: {}", names.join(", "))
            }
            Self::CannotAdopt { partition, why } => {
                format!("{} cannot be adopted: {}", partition.shown(), why.explain())
            }
            Self::DefaultStays { default } => format!(
                "the default partition {} stays, though spec.defaultPartition is Absent: it is not \
                 ours, not empty, or still needed",
                default.shown()
            ),
            Self::Superuser { role } => superuser(role.as_ref()),
            Self::NotPublished { publication, partitions } => {
                not_published(publication, partitions)
            }
            Self::StillPublished { partition, publications } => {
                let names: Vec<_> = publications.iter().map(Identifier::shown).collect();
                format!(
                    "{} is detached, and still published by {}, which is not ours to change",
                    partition.shown(),
                    names.join(", ")
                )
            }
        }
    }
}

impl Unadoptable {
    fn explain(self) -> &'static str {
        match self {
            Self::Default => {
                "it is the default partition; spec.defaultPartition: Present keeps it, whoever made it"
            }
            Self::NotAttached => "its detach is under way",
            Self::Foreign => "it is a foreign table",
            Self::OtherOwner => {
                "it belongs to another role than the table: ALTER TABLE … OWNER TO the table's owner"
            }
        }
    }
}

fn not_published(publication: &Identifier, partitions: &[QualifiedName]) -> String {
    let publication = publication.shown();
    let example = partitions.first().map(QualifiedName::shown).unwrap_or_default();
    format!(
        "publication {publication} names partitions of this table one by one, and not {}: when its subscribers \
         have the table, run ALTER PUBLICATION {publication} ADD TABLE {example}",
        some_of(partitions)
    )
}

fn superuser(role: Option<&Identifier>) -> String {
    let role = shown_role(role);
    format!("{role} is a superuser: log in as a role that is only a member of the table owner")
}
