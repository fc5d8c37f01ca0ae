//! Parses a spec into the desired state, and reports all of its errors.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{
    Cron, DefaultPartition, DesiredHash, DesiredIndex, DesiredRange, DesiredTable, Limits, Mode,
    OnExpiry, OnPartitions, Partitioning, Retention, Schedule, SpecError, StartAt, Zone,
    conversion, parse_duration, predicate,
};
use crate::api::v1alpha1 as api;
use crate::partition::{
    Identifier, IndexColumn, IndexShape, Interval, ManagedTable, QualifiedName,
};

impl DesiredTable {
    /// Parses a spec. The CEL rules of the schema check rules between fields before.
    ///
    /// # Errors
    /// Returns all errors, each with its field.
    pub fn parse(spec: &api::PartitionedTableSpec) -> Result<Self, Vec<SpecError>> {
        let api::PartitionedTableSpec {
            database: _, // who is asked, not what is wanted: kubernetes/credentials.rs
            schema,
            table,
            partition_by: _, // with what only a range has: see partitioning
            ahead: _,
            default_partition: _,
            retention: _,
            schedule: _,
            indexes,
            conversion,
            mode,
            suspend,
            limits,
        } = spec;
        let mut errors = Errors::default();
        let schema = errors.identifier("spec.schema", schema);
        let table = errors.identifier("spec.table", table);
        let partitioning = partitioning(spec, &mut errors);
        let indexes: Vec<_> = indexes
            .iter()
            .enumerate()
            .filter_map(|(at, index)| {
                desired_index(&format!("spec.indexes[{at}]"), index, &mut errors)
            })
            .collect();
        let conversion = conversion.as_ref().and_then(|c| conversion::parse(c, &mut errors));
        let limits = desired_limits(limits, &mut errors);
        let (Some(schema), Some(name), Some(partitioning), Some(limits)) =
            (schema, table, partitioning, limits)
        else {
            return Err(errors.0);
        };
        if !errors.0.is_empty() {
            return Err(errors.0);
        }
        Ok(Self {
            name: ManagedTable::new(QualifiedName { schema, name }),
            partitioning,
            indexes,
            conversion,
            mode: match mode {
                api::Mode::Enforce => Mode::Enforce,
                api::Mode::Plan => Mode::Plan,
            },
            suspend: *suspend,
            limits,
            adopt: Vec::new(),
            invalid_adoptions: Vec::new(),
            approved: Vec::new(),
        })
    }
}

/// Errors so far.
#[derive(Default)]
pub(super) struct Errors(Vec<SpecError>);

impl Errors {
    pub(super) fn push(&mut self, path: &str, problem: impl Into<String>) {
        self.0.push(SpecError { path: path.to_owned(), problem: problem.into() });
    }

    fn identifier(&mut self, path: &str, text: &str) -> Option<Identifier> {
        Identifier::new(text).map_err(|problem| self.push(path, problem.to_string())).ok()
    }

    pub(super) fn identifiers(&mut self, path: &str, texts: &[String]) -> Vec<Identifier> {
        let paths = texts.iter().enumerate().map(|(at, text)| (format!("{path}[{at}]"), text));
        paths.filter_map(|(path, text)| self.identifier(&path, text)).collect()
    }

    pub(super) fn number(
        &mut self,
        path: &str,
        number: i32,
        bounds: RangeInclusive<u32>,
    ) -> Option<u32> {
        let number = u32::try_from(number).ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            let (min, max) = bounds.into_inner();
            self.push(path, format!("give a number from {min} to {max}"));
        }
        number
    }

    pub(super) fn duration(
        &mut self,
        path: &str,
        text: &str,
        bounds: RangeInclusive<Duration>,
        remedy: &str,
    ) -> Option<Duration> {
        let duration = parse_duration(text).filter(|duration| bounds.contains(duration));
        if duration.is_none() {
            self.push(path, remedy);
        }
        duration
    }
}

fn partitioning(spec: &api::PartitionedTableSpec, errors: &mut Errors) -> Option<Partitioning> {
    match (&spec.partition_by.range, &spec.partition_by.hash) {
        (Some(range), None) => desired_range(range, spec, errors).map(Partitioning::Range),
        (None, Some(hash)) => desired_hash(hash, errors).map(Partitioning::Hash),
        (Some(_), Some(_)) | (None, None) => {
            errors.push("spec.partitionBy", "give exactly one of range and hash");
            None
        }
    }
}

fn desired_range(
    range: &api::RangeKey,
    spec: &api::PartitionedTableSpec,
    errors: &mut Errors,
) -> Option<DesiredRange> {
    let path = "spec.partitionBy.range";
    let column = errors.identifier(&format!("{path}.column"), &range.column);
    let ahead = errors.number("spec.ahead", spec.ahead(), 0..=1000);
    let retention = spec.retention.as_ref().map(|retention| desired_retention(retention, errors));
    let schedule = desired_schedule(spec.schedule.as_ref(), errors);
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
        default_partition: match spec.default_partition() {
            api::DefaultPartition::Absent => DefaultPartition::Absent,
            api::DefaultPartition::Present => DefaultPartition::Present,
        },
        retention: match retention {
            None => None,
            Some(retention) => Some(retention?),
        },
        schedule,
    })
}

fn desired_retention(retention: &api::Retention, errors: &mut Errors) -> Option<Retention> {
    let keep = errors.number("spec.retention.keep", retention.keep, 0..=10_000);
    let on_expiry = match retention.on_expiry {
        api::OnExpiry::Detach => Some(OnExpiry::Detach),
        api::OnExpiry::Drop => errors
            .duration(
                "spec.retention.dropAfter",
                retention.drop_after(),
                Duration::ZERO..=Duration::from_hours(8784),
                "give a duration from 0s to 8784h, such as 24h or 168h",
            )
            .map(|after| OnExpiry::Drop { after }),
    };
    Some(Retention { keep: keep?, on_expiry: on_expiry? })
}

fn desired_schedule(schedule: Option<&api::Schedule>, errors: &mut Errors) -> Schedule {
    let Some(api::Schedule { provision, expire }) = schedule else { return Schedule::default() };
    let mut cron = |path: &str, text: &Option<String>| {
        let read = Cron::parse(text.as_deref()?);
        read.map_err(|problem| errors.push(path, problem)).ok()
    };
    Schedule {
        provision: cron("spec.schedule.provision", provision),
        expire: cron("spec.schedule.expire", expire),
    }
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
    let partitions = errors.number(&format!("{path}.partitions"), hash.partitions, 1..=1024);
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
    if let Some(problem) = index.predicate.as_deref().and_then(predicate::violation) {
        errors.push(&format!("{path}.where"), problem);
    }
    let on = match (index.partitions(), index.newest) {
        (api::IndexedPartitions::All, _) => OnPartitions::All,
        (api::IndexedPartitions::Newest, newest) => {
            let newest = newest.unwrap_or(0);
            OnPartitions::Newest(errors.number(&format!("{path}.newest"), newest, 1..=10_000)?)
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

fn desired_limits(limits: &api::Limits, errors: &mut Errors) -> Option<Limits> {
    let api::Limits { lock_timeout, max_expire_per_run } = limits;
    let lock_timeout = errors.duration(
        "spec.limits.lockTimeout",
        lock_timeout,
        Duration::from_millis(10)..=Duration::from_mins(1),
        "give a duration from 10ms to 60s, such as 1s",
    );
    let max_expire_per_run =
        errors.number("spec.limits.maxExpirePerRun", *max_expire_per_run, 0..=1000);
    Some(Limits { lock_timeout: lock_timeout?, max_expire_per_run: max_expire_per_run? })
}
