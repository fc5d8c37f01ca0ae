//! The language of scenarios: a table, what the database has, and what is asked of the planner.
//!
//! `tests/pure/scenarios/README.md` describes it.

mod copy;
mod line;
mod output;
mod partition;
mod plain;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::api::v1alpha1::{ADOPT_ANNOTATION, APPROVE_ANNOTATION};
use pg_partition_operator::desired::{DesiredTable, SpecError};
use pg_partition_operator::observed::{
    DefaultRows, ForeignKey, IndexMarker, IndexSettings, ObservedPartition, ObservedTable,
    OldestRow, ParentIndex, Relation, RelationKind,
};
use pg_partition_operator::partition::{
    Bounds, Identifier, IndexShape, KeyRange, Method, QualifiedName, RangeKey, ServerVersion,
};
use pg_partition_operator::plan::{Plan, PlanTime, check, next_action, plan, simulate};
use serde_json::{Value, json};

use crate::catalog;
use line::Line;

/// Does what `script` says and returns what there is to see.
pub(crate) fn run(script: &str) -> String {
    let mut scenario: Option<Scenario> = None;
    for text in script.lines().filter(|text| !text.trim().is_empty() && !text.starts_with('#')) {
        let mut line = Line::new(text);
        let command = line.word();
        match &mut scenario {
            None if command == "table" => scenario = Some(Scenario::new(line)),
            None => panic!("a scenario begins with its table, not with {text:?}"),
            Some(scenario) => scenario.command(&command, line, text),
        }
    }
    scenario.expect("a scenario has a table").seen
}

struct Scenario {
    spec: Value,
    annotations: BTreeMap<String, String>,
    key: Option<RangeKey>,
    now: Timestamp,
    state: ObservedTable,
    seen: String,
}

impl Scenario {
    /// `table shop.orders range placed_at timestamptz Month zone UTC ahead 2 startAt 2024-01-01`, or
    /// `table shop.orders hash org_id partitions 4`.
    fn new(mut line: Line) -> Self {
        let name = line.name();
        let (schema, table) = (name.schema.as_str(), name.name.as_str());
        let mut spec = json!({"schema": schema, "table": table});
        let (method, column) = (line.word(), line.word());
        let state = if method == "hash" {
            let columns: Vec<&str> = column.split(',').collect();
            spec["partitionBy"] = json!({"hash": {"columns": columns, "partitions": 0}});
            let key: Vec<_> = columns.iter().map(|column| (*column, "int8")).collect();
            catalog::table(&name, Method::Hash, &key)
        } else {
            let type_name = line.word();
            let interval = line.word();
            spec["partitionBy"] = json!({"range": {"column": &column, "interval": interval}});
            catalog::table(&name, Method::Range, &[(&column, &type_name)])
        };
        let key = state.range_key();
        let mut scenario = Self {
            spec,
            annotations: BTreeMap::new(),
            key,
            now: Timestamp::UNIX_EPOCH,
            state,
            seen: String::new(),
        };
        scenario.set_spec(line);
        scenario
    }

    fn command(&mut self, command: &str, mut line: Line, text: &str) {
        match command {
            "at" => {
                self.now = line.word().parse().expect("an instant");
                self.state.server.clock = self.now;
            }
            "clock" => self.state.server.clock = line.word().parse().expect("an instant"),
            "columns" => self.add_columns(line),
            "spec" => self.set_spec(line),
            "index" => self.want_index(&mut line),
            "conversion" => self.spec["conversion"] = conversion(text),
            "no-conversion" => self.spec["conversion"] = Value::Null,
            "no-index" => self.spec["indexes"] = json!([]),
            "adopt" => self.annotate(ADOPT_ANNOTATION, text.trim_start_matches("adopt").trim()),
            "plain" => {
                self.relation().kind = RelationKind::Other("table");
                self.state.plain = Some(Box::new(plain::table(text)));
                self.state.oldest_row.get_or_insert(Box::new(OldestRow::Absent));
            }
            "oldest-row" => {
                self.state.oldest_row = plain::oldest_row(text, self.key.as_ref()).map(Box::new);
            }
            "rows-copied" | "compared" | "older-session" | "bound" | "lost" | "serving-since" => {
                copy::learn(&mut self.state, command, line, self.now);
            }
            "found" => self.found(line),
            "table-published-by" => self.relation().publications.push(line.name().name),
            "owner-code" => self.relation().owner_code.push(line.word()),
            "powers" => self.relation().powers.push(line.word()),
            "superuser" => self.state.server.superuser = true,
            "references" => self.relation().references.push(line.name()),
            "referenced-by" => {
                let key =
                    ForeignKey { from: line.name(), columns: Vec::new(), operators: Vec::new() };
                self.relation().referenced_by.push(key);
            }
            "clock-ahead" => {
                let seconds = line.word().parse().expect("seconds");
                self.state.server.clock_offset = Some(SignedDuration::from_secs(seconds));
            }
            "have" => self.have(line),
            "gone" => {
                let name = line.name();
                self.state.partitions.retain(|p| p.name != name);
            }
            "unmarked" => self.state.unmarked.push(line.name()),
            "rows" => {
                let name = line.name();
                self.partition(&name).rows = Some(line.number());
            }
            "have-index" => self.have_index(&mut line),
            "taken" => drop(self.state.taken.insert(line.name().name)),
            "unattached" => {
                let name = line.name().name;
                self.state.taken.insert(name.clone());
                self.state.unattached.insert(name);
            }
            "rows-in-default" => self.rows_in_default(&mut line),
            "default-count" => {
                self.state.default_count = Some(line.word().parse().expect("a number of rows"));
            }
            _ => {
                self.seen.push_str(&format!("> {text}\n"));
                let seen = self.ask(command, &mut line);
                self.seen.push_str(&seen);
            }
        }
    }

    fn ask(&mut self, command: &str, line: &mut Line) -> String {
        if command == "show" {
            return output::state(&self.state);
        }
        let desired = match self.desired() {
            Ok(desired) => desired,
            Err(errors) => return errors.iter().map(|e| format!("rejected: {e}\n")).collect(),
        };
        let most = (command == "crash-after").then(|| line.word().parse().expect("a number"));
        let time = match line.next().as_deref() {
            Some("scheduled") => PlanTime::scheduled(&desired, self.now),
            _ => PlanTime::at(self.now),
        };
        let plan = self.checked_plan(&desired, &time);
        match command {
            "plan" => output::without_fingerprint(&plan),
            "approve" => {
                self.annotate(APPROVE_ANNOTATION, &plan.fingerprint);
                String::new()
            }
            "next" => {
                let time = PlanTime::scheduled(&desired, self.now);
                let next = next_action(&desired, &self.state, &time);
                next.map_or_else(|| "never\n".to_owned(), |next| format!("{next}\n"))
            }
            "apply" | "crash-after" => {
                let steps = most.unwrap_or(plan.steps.len());
                for planned in plan.steps.iter().take(steps) {
                    simulate(&mut self.state, &planned.step);
                }
                catalog::reinspect(&mut self.state);
                format!("{steps} of {} steps done\n", plan.steps.len())
            }
            unknown => panic!("there is no command {unknown:?}"),
        }
    }

    fn desired(&self) -> Result<DesiredTable, Vec<SpecError>> {
        catalog::annotated(&self.spec, self.annotations.clone())
    }

    fn annotate(&mut self, annotation: &str, value: &str) {
        self.annotations.insert(annotation.to_owned(), value.to_owned());
    }

    fn relation(&mut self) -> &mut Relation {
        self.state.relation.as_mut().expect("there is a table")
    }

    /// The plan, which the checker accepts whatever the scenario.
    fn checked_plan(&self, desired: &DesiredTable, time: &PlanTime) -> Plan {
        let plan = plan(desired, &self.state, time);
        if let Err(violation) = check(plan.clone(), desired, &self.state, time) {
            panic!("{violation}\n{plan}");
        }
        plan
    }

    /// `interval Quarter`, `zone Europe/Paris`, `ahead 3`, `keep 24`, `expire "0 3 15 * *"` …
    fn set_spec(&mut self, mut line: Line) {
        while let Some(field) = line.next() {
            let word = line.word();
            let value = word.trim_matches('"');
            let number = || json!(value.parse::<i64>().expect("a number"));
            let spec = &mut self.spec;
            match field.as_str() {
                "interval" => spec["partitionBy"]["range"]["interval"] = json!(value),
                "zone" => spec["partitionBy"]["range"]["timeZone"] = json!(value),
                "startAt" => spec["partitionBy"]["range"]["startAt"] = json!(value),
                "partitions" => spec["partitionBy"]["hash"]["partitions"] = number(),
                "ahead" => spec["ahead"] = number(),
                "mode" => spec["mode"] = json!(value),
                "default" => spec["defaultPartition"] = json!(value),
                "keep" if value == "all" => spec["retention"] = Value::Null,
                "keep" => spec["retention"]["keep"] = number(),
                "onExpiry" | "dropAfter" => spec["retention"][field] = json!(value),
                "provision" | "expire" => spec["schedule"][field] = json!(value),
                "maxExpirePerRun" => spec["limits"]["maxExpirePerRun"] = number(),
                "lockTimeout" => spec["limits"]["lockTimeout"] = json!(value),
                unknown => panic!("there is no field {unknown:?}"),
            }
        }
    }

    fn want_index(&mut self, line: &mut Line) {
        let index = line.index();
        match self.spec["indexes"].as_array_mut() {
            Some(indexes) => indexes.push(index),
            None => self.spec["indexes"] = json!([index]),
        }
    }

    fn add_columns(&mut self, line: Line) {
        let relation = self.state.relation.as_mut().expect("there is a table");
        relation.columns.extend(line.map(|column: String| catalog::identifier(&column)));
    }

    /// Reads a difference between the database and the spec.
    fn found(&mut self, mut line: Line) {
        let what = line.word();
        let relation = self.state.relation.as_mut().expect("there is a table");
        match what.as_str() {
            "nothing" => self.state.relation = None,
            "view" => relation.kind = RelationKind::Other("view"),
            "table" => relation.kind = RelationKind::Other("table"),
            "owner" => {
                relation.owner = line.name().name;
                relation.owned = false;
            }
            "no-create" => relation.may_create = false,
            "replica" => self.state.server.in_recovery = true,
            "read-only" => self.state.server.read_only = true,
            "version" => {
                let number = line.word().parse().expect("as server_version_num gives it");
                self.state.server.version = ServerVersion(number);
            }
            method => {
                let method = match method {
                    "range" => Method::Range,
                    "list" => Method::List,
                    _ => Method::Hash,
                };
                let (column, of) = (line.word(), line.word());
                let other = catalog::table(&self.state.name, method, &[(&column, &of)]);
                self.state.relation = other.relation;
            }
        }
    }

    /// `have orders_2026_11 [2026-11-01, 2026-12-01) managed`
    fn have(&mut self, mut line: Line) {
        let name = line.name();
        let bounds = self.bounds(&mut line);
        let partition = partition::described(catalog::partition(name, bounds), line);
        catalog::add(&mut self.state, partition);
    }

    fn bounds(&self, line: &mut Line) -> Bounds {
        let word = line.word();
        match word.as_str() {
            "default" => Bounds::Default,
            "remainder" => {
                let remainder = line.word().parse().expect("a remainder");
                assert_eq!(line.word(), "of");
                Bounds::Hash { modulus: line.word().parse().expect("a modulus"), remainder }
            }
            range => {
                let zone = self.spec["partitionBy"]["range"]["timeZone"].as_str().unwrap_or("UTC");
                let key = self.key.clone().expect("a key with ranges");
                let range = line::range(range, key.key_type, zone);
                Bounds::Range(KeyRange { key, range })
            }
        }
    }

    /// `rows-in-default [2026-12-24, 2026-12-25) 17`, or `rows-in-default not-counted`.
    fn rows_in_default(&mut self, line: &mut Line) {
        if line.is_next("not-counted") {
            self.state.default_rows = None;
            return;
        }
        if line.is_next("counted-from") {
            line.word();
            self.state.default_rows_from = self.bounds(line).as_range().map(|range| range.from());
            return;
        }
        let range = self.bounds(line).as_range().expect("a range");
        let rows = line.word().parse().expect("a number of rows");
        self.state.default_rows.get_or_insert_default().push(DefaultRows { range, rows });
    }

    /// `have-index orders_2026_11_amount on orders_2026_11 (amount desc) invalid`; the partition is
    /// `table` for an index of the table itself.
    fn have_index(&mut self, line: &mut Line) {
        let (name, _, on) = (line.name().name, line.word(), line.name());
        let shape = self.shape(line.index_named(&name));
        let mut index = catalog::index(name.as_str(), shape.clone());
        for flag in line.by_ref() {
            match flag.split_once('=').unwrap_or((&flag, "")) {
                ("invalid", _) => index.valid = false,
                ("building", _) => index.building = true,
                ("constraint", _) => index.constraint = true,
                ("exclusion", _) => {
                    (index.constraint, index.shape) = (true, None);
                    index.exclusion = Some("EXCLUDE".to_owned());
                }
                ("of", parent_index) => index.of = Some(catalog::identifier(parent_index)),
                ("managed", stands_for) => {
                    let index_name = catalog::identifier(stands_for);
                    index.marker = Some(IndexMarker { index: index_name, digest: shape.digest() });
                }
                (unknown, _) => panic!("an index cannot be {unknown:?}"),
            }
        }
        self.state.taken.insert(name.clone());
        if on.name.as_str() != "table" {
            return self.partition(&on).indexes.push(index);
        }
        self.state.indexes.push(ParentIndex {
            name,
            valid: index.valid,
            unique: shape.unique,
            shape: index.shape,
            definition: String::new(),
            exclusion: index.exclusion.is_some(),
            dependents: Vec::new(),
            constraint: index
                .exclusion
                .or_else(|| index.constraint.then(|| "PRIMARY KEY".to_owned())),
            settings: IndexSettings::default(),
        });
    }

    /// Returns the shape of an index. The catalog writes a condition in a form that a resource cannot use.
    fn shape(&self, mut index: Value) -> IndexShape {
        let predicate = index["where"].take();
        index.as_object_mut().expect("an index has fields").remove("where");
        let mut spec = self.spec.clone();
        spec["indexes"] = json!([index]);
        let index = catalog::desired(&spec).expect("an index of a test is one").indexes.remove(0);
        IndexShape { predicate: predicate.as_str().map(str::to_owned), ..index.shape }
    }

    fn partition(&mut self, name: &QualifiedName) -> &mut ObservedPartition {
        let wanted: &Identifier = &name.name;
        self.state.partitions.iter_mut().find(|p| p.name.name == *wanted).expect("it is there")
    }
}

/// `conversion {method: Copy, serveFrom: Partitioned}`: the field as YAML.
fn conversion(text: &str) -> Value {
    let field = text.trim_start().trim_start_matches("conversion");
    serde_yaml::from_str(field).expect("a conversion is YAML")
}
