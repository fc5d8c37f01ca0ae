//! Losses of a conversion, which a user must acknowledge.

use super::refusal::Refusal;
use super::subject::Subject;
use crate::desired::Loss;
use crate::observed::{DependentView, PlainTrigger, UniqueIndex};
use crate::partition::{
    Identifier, ManagedTable, ServerVersion, attached_key_name, fit, own_key_name,
};

/// Number of partitions above which planning a statement without the partition columns takes so long that it counts as a loss.
const MAX_LEAVES: usize = 1_000;

/// Oldest version whose partitioned tables can have exclusion constraints.
const EXCLUSIONS_SINCE: ServerVersion = ServerVersion(170_000);

/// A loss that the preflight found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLoss {
    /// Loss as spelled in the spec.
    pub loss: Loss,
    /// Event of the conversion that causes the loss.
    pub at: LossAt,
    /// Whether the spec acknowledges it.
    pub acknowledged: bool,
    /// Description of the loss, without a final period.
    pub cause: String,
}

/// Event of the conversion that causes a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossAt {
    /// The cutover. The loss must be acknowledged before anything is created.
    Cutover,
    /// The drop of the plain table. The loss must be acknowledged before it.
    Drop,
}

/// Returns everything that the conversion loses.
pub(super) fn losses(subject: &Subject<'_>) -> Vec<FoundLoss> {
    let plain = subject.plain;
    let found = unique_keys(subject)
        .chain(foreign_keys(subject))
        .chain(exclusions(subject))
        .chain(plain.triggers.iter().filter_map(|trigger| row_mover(subject, trigger)))
        .chain(plain.triggers.iter().filter_map(sees_partition))
        .chain(plain.views.iter().filter_map(|view| unbound_view(subject, view)))
        .chain(plain.label_providers.iter().map(security_label))
        .chain(publications(subject))
        .chain(many_partitions(subject));
    let acknowledged = &subject.conversion.acknowledged;
    found
        .map(|(loss, at, cause)| {
            let loss = under_its_name(subject, loss);
            let acknowledged = acknowledged.contains(&loss);
            FoundLoss { loss, at, acknowledged, cause }
        })
        .collect()
}

/// Returns the losses at an event that are not acknowledged, each as a refusal.
pub(super) fn unacknowledged(
    losses: &[FoundLoss],
    at: LossAt,
) -> impl Iterator<Item = Refusal> + '_ {
    let unacknowledged_losses =
        losses.iter().filter(move |found| found.at == at && !found.acknowledged);
    unacknowledged_losses.map(|FoundLoss { loss, cause, .. }| Refusal::NotAcknowledged {
        loss: loss.clone(),
        cause: cause.clone(),
    })
}

/// Returns the loss with the name that its index had before the cutover, which is the name that users know.
fn under_its_name(subject: &Subject<'_>, loss: Loss) -> Loss {
    let table = subject.table.name.as_str();
    let before = |name: Identifier| {
        let rest = name.as_str().strip_prefix(subject.source_name.as_str());
        match rest.filter(|rest| subject.is_served && rest.starts_with('_')) {
            Some(rest) => fit(&format!("{table}{rest}"), ""),
            None => name,
        }
    };
    match loss {
        Loss::UniqueKey(name) => Loss::UniqueKey(before(name)),
        Loss::Exclusion(name) => Loss::Exclusion(before(name)),
        Loss::ForeignKey { .. }
        | Loss::View(_)
        | Loss::Publication(_)
        | Loss::RowMover(_)
        | Loss::TriggerSeesPartition(_)
        | Loss::SecurityLabel(_)
        | Loss::ManyPartitions => loss,
    }
}

type Lost = (Loss, LossAt, String);

fn unique_keys<'a>(subject: &'a Subject<'a>) -> impl Iterator<Item = Lost> + 'a {
    // Indexes that the conversion built are not losses.
    let table = ManagedTable::new(subject.table.clone());
    let built = [attached_key_name(&table), own_key_name(&table)];
    let lost_indexes = subject.plain.unique_indexes.iter();
    let lost_indexes = lost_indexes.filter(move |index| !built.contains(&index.name));
    let lost =
        lost_indexes.filter(|index| !index.invalid && !holds_partition_columns(subject, index));
    lost.map(|index| (Loss::UniqueKey(index.name.clone()), LossAt::Cutover, unique(subject, index)))
}

/// Returns whether a partitioned table can have the index: each partition column must be in it, with the collation of the
/// column.
fn holds_partition_columns(subject: &Subject<'_>, index: &UniqueIndex) -> bool {
    let is_in_another = |column| index.other_collation.contains(column);
    subject.has_partition_columns(&index.columns)
        && !subject.partitioning.columns().iter().any(is_in_another)
}

fn unique(subject: &Subject<'_>, index: &UniqueIndex) -> String {
    let columns = format_columns(&index.columns);
    let partition_columns = format_columns(subject.partitioning.columns());
    let of =
        if index.expressions { "with its expressions".to_owned() } else { format!("({columns})") };
    let until = if subject.is_attached() {
        "only within the plain table, the oldest partition"
    } else {
        "only while the plain table is kept"
    };
    let lacks = if subject.has_partition_columns(&index.columns) {
        "sorts a partition column by another collation than the column"
    } else {
        "does not contain the partition columns"
    };
    let found_late = if subject.is_attached() {
        ""
    } else {
        "; until then a duplicate is reported (23505) with a constraint of the plain table or of a partition, also to ON \
         CONFLICT DO NOTHING without columns"
    };
    format!(
        "{} {lacks} ({partition_columns}), so after the cutover, ON CONFLICT {of} fails (42P10), and Postgres enforces the \
         key {until}{found_late}",
        index.name.display()
    )
}

fn foreign_keys<'a>(subject: &'a Subject<'a>) -> impl Iterator<Item = Lost> + 'a {
    let inbound = subject.plain.referenced_by.iter().filter(|_| !subject.is_attached());
    let inbound = inbound.map(|key| {
        let loss = Loss::ForeignKey { table: key.table.clone(), constraint: key.name.clone() };
        let dropped = if key.other_owner {
            "must be dropped by the owner of that table before the plain table is"
        } else {
            "is dropped with it"
        };
        let cause = format!(
            "foreign key {} of {} references the plain table and {dropped}, unless you replace it after the cutover with one \
             that includes the partition columns",
            key.name.display(),
            key.table.display()
        );
        (loss, LossAt::Drop, cause)
    });
    let to_itself = subject.plain.foreign_keys.iter();
    let to_itself = to_itself.filter(|key| key.to_itself && !subject.is_attached()).map(|key| {
        let table = subject.table.clone();
        let cause = format!(
            "foreign key {} references its own table, so after the cutover it is checked at commit, and it is dropped \
             with the plain table",
            key.name.display()
        );
        (Loss::ForeignKey { table, constraint: key.name.clone() }, LossAt::Drop, cause)
    });
    inbound.chain(to_itself)
}

fn exclusions<'a>(subject: &'a Subject<'a>) -> impl Iterator<Item = Lost> + 'a {
    let lost = subject.plain.exclusions.iter().filter(|exclusion| {
        subject.version < EXCLUSIONS_SINCE || !subject.has_partition_columns(&exclusion.equal)
    });
    let (until, at) = if subject.is_attached() {
        ("only within the plain table, the oldest partition", LossAt::Cutover)
    } else {
        ("only while the plain table is kept", LossAt::Drop)
    };
    lost.map(move |exclusion| {
        let cause = format!(
            "Postgres enforces {} {until}, because an exclusion constraint of a partitioned table needs Postgres 17 and must \
             compare every partition column by =",
            exclusion.name.display()
        );
        (Loss::Exclusion(exclusion.name.clone()), at, cause)
    })
}

fn row_mover(subject: &Subject<'_>, trigger: &PlainTrigger) -> Option<Lost> {
    let columns = subject.partitioning.columns().iter();
    let named: Vec<_> =
        columns.filter(|column| trigger.columns.contains(column)).cloned().collect();
    (trigger.changes_rows && !named.is_empty()).then(|| {
        let cause = format!(
            "BEFORE trigger {} names {}, so after the cutover a statement fails (0A000) if the trigger moves its row to \
             another partition",
            trigger.name.display(),
            format_columns(&named)
        );
        (Loss::RowMover(trigger.name.clone()), LossAt::Cutover, cause)
    })
}

fn sees_partition(trigger: &PlainTrigger) -> Option<Lost> {
    let is_unread = trigger.language != "plpgsql";
    (trigger.for_each_row && (trigger.names_table || is_unread)).then(|| {
        let name = trigger.name.display();
        let cause = if is_unread {
            format!(
                "the function of row trigger {name} is not PL/pgSQL and can use the name of its table, which after the \
                 cutover is that of a partition"
            )
        } else {
            format!(
                "row trigger {name} uses the name of its table (TG_TABLE_NAME, TG_RELID), which after the cutover is that of a \
                 partition"
            )
        };
        (Loss::TriggerSeesPartition(trigger.name.clone()), LossAt::Cutover, cause)
    })
}

/// Returns whether the partitioned table cannot keep this key.
pub(super) fn is_replaced(subject: &Subject<'_>, key: &Identifier) -> bool {
    let key = subject.plain.unique_indexes.iter().find(|index| index.name == *key);
    key.is_none_or(|key| !holds_partition_columns(subject, key))
}

fn unbound_view(subject: &Subject<'_>, view: &DependentView) -> Option<Lost> {
    let why = if view.other_owner {
        "another role owns it"
    } else if view.whole_row {
        "it uses the whole row as one value"
    } else if !subject.is_attached() && view.grouped_by.iter().any(|key| is_replaced(subject, key))
    {
        "it groups by the key alone"
    } else {
        return None;
    };
    let reads = if subject.is_attached() {
        "reads only the plain table, the oldest partition, after the cutover"
    } else {
        "continues to read the plain table after the cutover and prevents its drop; writes to the view fail (55000)"
    };
    let cause = format!("view {} {reads}, because {why}", view.name.display());
    Some((Loss::View(view.name.clone()), LossAt::Cutover, cause))
}

fn security_label(provider: &Identifier) -> Lost {
    let cause = format!(
        "the security labels of provider {} are not copied, so they mask and protect nothing on the partitioned table",
        provider.display()
    );
    (Loss::SecurityLabel(provider.clone()), LossAt::Cutover, cause)
}

fn publications<'a>(subject: &'a Subject<'a>) -> impl Iterator<Item = Lost> + 'a {
    let implied = subject.plain.publications.iter().filter(|publication| publication.implied);
    implied.map(|publication| {
        let published = if publication.by_partition {
            "the partitions are published under their own names from their first row on, before the cutover, and \
             replication stops if a subscriber does not have them (with publish_via_partition_root a subscriber needs the \
             partitioned table only)"
        } else {
            "the partitioned table is published from its first row on, before the cutover, and replication stops if a \
             subscriber does not have it"
        };
        let cause = format!(
            "publication {} publishes all tables, or all of the schema, so {published}",
            publication.name.display()
        );
        (Loss::Publication(publication.name.clone()), LossAt::Cutover, cause)
    })
}

fn many_partitions(subject: &Subject<'_>) -> Option<Lost> {
    let leaves = subject.leaves.as_ref()?;
    let count = leaves.count.filter(|count| *count > MAX_LEAVES)?;
    let cause = format!(
        "planning a statement that does not name the partition columns takes tens of milliseconds with {count} partitions{}",
        leaves.advise_fewer()
    );
    Some((Loss::ManyPartitions, LossAt::Cutover, cause))
}

fn format_columns(columns: &[Identifier]) -> String {
    columns.iter().map(Identifier::display).collect::<Vec<_>>().join(", ")
}
