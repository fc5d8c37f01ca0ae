//! From a spec to what it means, finding everything that is wrong on the way.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{
    DefaultPartition, DesiredHash, DesiredIndex, DesiredRange, DesiredTable, Limits, Mode,
    OnPartitions, Partitioning, Schedule, SpecError, StartAt, Zone, parse_duration, predicate,
};
use crate::api::v1alpha1 as api;
use crate::partition::{Identifier, IndexColumn, IndexShape, Interval, QualifiedName};

impl DesiredTable {
    /// What a spec means. Where it is no reading of the fields alone but a rule between them, the
    /// schema's CEL rules have refused it before.
    ///
    /// # Errors
    /// Everything that is wrong, each with its field.
    pub fn parse(spec: &api::PartitionedTableSpec) -> Result<Self, Vec<SpecError>> {
        let api::PartitionedTableSpec {
            database: _, // who is asked, not what is wanted: kubernetes/credentials.rs
            schema,
            table,
            partition_by,
            ahead: _, // through the accessor, which knows the default
            indexes,
            mode,
            suspend,
            limits,
        } = spec;
        let mut errors = Errors::default();
        let schema = errors.identifier("spec.schema", schema);
        let table = errors.identifier("spec.table", table);
        let partitioning = partitioning(partition_by, spec.ahead(), &mut errors);
        let indexes: Vec<_> = indexes
            .iter()
            .enumerate()
            .filter_map(|(at, index)| {
                desired_index(&format!("spec.indexes[{at}]"), index, &mut errors)
            })
            .collect();
        let lock_timeout = lock_timeout(&limits.lock_timeout, &mut errors);
        let (Some(schema), Some(name), Some(partitioning), Some(lock_timeout)) =
            (schema, table, partitioning, lock_timeout)
        else {
            return Err(errors.0);
        };
        if !errors.0.is_empty() {
            return Err(errors.0);
        }
        Ok(Self {
            name: QualifiedName { schema, name },
            partitioning,
            indexes,
            mode: match mode {
                api::Mode::Enforce => Mode::Enforce,
                api::Mode::Plan => Mode::Plan,
            },
            suspend: *suspend,
            limits: Limits { lock_timeout, most_expired: 3 },
            adopt: Vec::new(),
            unread_adoptions: Vec::new(),
            approved: Vec::new(),
        })
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Errors(Vec<SpecError>);

impl Errors {
    fn push(&mut self, path: &str, problem: impl Into<String>) {
        self.0.push(SpecError { path: path.to_owned(), problem: problem.into() });
    }

    fn identifier(&mut self, path: &str, text: &str) -> Option<Identifier> {
        Identifier::new(text).map_err(|problem| self.push(path, problem.to_string())).ok()
    }

    fn identifiers(&mut self, path: &str, texts: &[String]) -> Vec<Identifier> {
        let paths = texts.iter().enumerate().map(|(at, text)| (format!("{path}[{at}]"), text));
        paths.filter_map(|(path, text)| self.identifier(&path, text)).collect()
    }
}

fn partitioning(
    partition_by: &api::PartitionBy,
    ahead: i32,
    errors: &mut Errors,
) -> Option<Partitioning> {
    let path = "spec.partitionBy";
    match (&partition_by.range, &partition_by.hash) {
        (Some(range), None) => desired_range(range, ahead, errors).map(Partitioning::Range),
        (None, Some(hash)) => desired_hash(hash, errors).map(Partitioning::Hash),
        (Some(_), Some(_)) | (None, None) => {
            errors.push(path, "give exactly one of range and hash");
            None
        }
    }
}

fn desired_range(range: &api::RangeKey, ahead: i32, errors: &mut Errors) -> Option<DesiredRange> {
    let path = "spec.partitionBy.range";
    let column = errors.identifier(&format!("{path}.column"), &range.column);
    let ahead = u32::try_from(ahead).ok().filter(|ahead| *ahead <= 1000);
    if ahead.is_none() {
        errors.push("spec.ahead", "give a number from 0 to 1000");
    }
    let start_at = range.start_at.as_deref().map(start_at);
    if start_at == Some(None) {
        errors.push(
            &format!("{path}.startAt"),
            "give a date such as 2024-10-01, or an instant such as 2024-10-01T00:00:00Z",
        );
    }
    Some(DesiredRange {
        column: column?,
        interval: match range.interval {
            api::Interval::Hour => Interval::Hour,
            api::Interval::Day => Interval::Day,
            api::Interval::Week => Interval::Week,
            api::Interval::Month => Interval::Month,
            api::Interval::Quarter => Interval::Quarter,
            api::Interval::Year => Interval::Year,
        },
        zone: match TimeZone::get(&range.time_zone) {
            Ok(zone) => Zone::Known(zone),
            Err(_) => Zone::Unknown(range.time_zone.clone()),
        },
        start_at: start_at.flatten(),
        ahead: ahead?,
        default_partition: DefaultPartition::Absent,
        retention: None,
        schedule: Schedule::default(),
    })
}

fn start_at(text: &str) -> Option<StartAt> {
    if text.len() == "2024-10-01".len() {
        return text.parse::<Date>().ok().map(StartAt::Date);
    }
    text.parse().ok().map(StartAt::Instant)
}

fn desired_hash(hash: &api::HashKey, errors: &mut Errors) -> Option<DesiredHash> {
    let path = "spec.partitionBy.hash";
    let columns = errors.identifiers(&format!("{path}.columns"), &hash.columns);
    if columns.is_empty() {
        errors.push(&format!("{path}.columns"), "name at least one column");
    }
    let partitions = u32::try_from(hash.partitions).ok().filter(|n| (1..=1024).contains(n));
    if partitions.is_none() {
        errors.push(&format!("{path}.partitions"), "give a number from 1 to 1024");
    }
    Some(DesiredHash { columns, partitions: partitions? })
}

fn desired_index(path: &str, index: &api::Index, errors: &mut Errors) -> Option<DesiredIndex> {
    let name = errors.identifier(&format!("{path}.name"), &index.name);
    let columns: Vec<_> = index
        .columns
        .iter()
        .enumerate()
        .filter_map(|(at, column)| {
            let path = format!("{path}.columns[{at}].column");
            Some(IndexColumn {
                column: errors.identifier(&path, &column.column)?,
                descending: column.order() == api::SortOrder::Desc,
                nulls_first: column.nulls() == api::NullsOrder::First,
            })
        })
        .collect();
    let include = errors.identifiers(&format!("{path}.include"), &index.include);
    if let Some(problem) = index.predicate.as_deref().and_then(predicate::refuse) {
        errors.push(&format!("{path}.where"), problem);
    }
    let on = match (index.partitions(), index.newest) {
        (api::IndexedPartitions::All, _) => OnPartitions::All,
        (api::IndexedPartitions::Newest, newest) => {
            let newest = newest.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
            if newest.is_none() {
                errors.push(&format!("{path}.newest"), "give the number of periods, at least 1");
            }
            OnPartitions::Newest(newest?)
        }
    };
    let shape = IndexShape {
        method: method(index.method()).to_owned(),
        unique: index.is_unique(),
        columns,
        include,
        predicate: index.predicate.clone(),
    };
    Some(DesiredIndex { name: name?, shape, on })
}

/// The access method's name in Postgres.
fn method(method: api::IndexMethod) -> &'static str {
    match method {
        api::IndexMethod::Btree => "btree",
        api::IndexMethod::Hash => "hash",
        api::IndexMethod::Gin => "gin",
        api::IndexMethod::Gist => "gist",
        api::IndexMethod::Brin => "brin",
        api::IndexMethod::Spgist => "spgist",
    }
}

fn lock_timeout(text: &str, errors: &mut Errors) -> Option<Duration> {
    let bounds = Duration::from_millis(10)..=Duration::from_mins(1);
    let parsed = parse_duration(text).filter(|duration| bounds.contains(duration));
    if parsed.is_none() {
        errors.push("spec.limits.lockTimeout", "give a duration from 10ms to 60s, such as 1s");
    }
    parsed
}
