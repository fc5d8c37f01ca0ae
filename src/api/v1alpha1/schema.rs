//! The vocabulary of the schema: strings with a grammar, and the shapes of CEL rules.
//!
//! A grammar is a CEL rule and not a `pattern`, because a rule can say what to do about it.
//! Every string and list is bounded: the API server derives the cost of a rule from the bounds.

use kube::core::{Reason, Rule};
use schemars::{Schema, SchemaGenerator, json_schema};

/// Maximum number of columns of an index, key and included columns together, which Postgres sets.
const MAX_COLUMNS: usize = 32;

/// Maximum number of roles that read the partitioned table before the cutover.
const MAX_ROLES: usize = 32;

/// Maximum number of losses that a user can acknowledge.
const MAX_ACKNOWLEDGEMENTS: usize = 100;

/// Every form of an acknowledgement, for messages.
pub const ACKNOWLEDGEMENTS: &str = "UniqueKey:<constraint or index>, ForeignKey:<schema>.<table>.<constraint>, \
     Exclusion:<constraint>, View:<schema>.<view>, Publication:<name>, RowMover:<trigger>, \
     TriggerSeesPartition:<trigger>, SecurityLabel:<provider>, or ManyPartitions";

/// A rule whose breach makes the field at `path` invalid.
pub(super) fn invalid(path: &str, requires: &str, message: &str) -> Rule {
    rule(Reason::FieldValueInvalid, path, requires, message)
}

/// A rule whose breach means that the field at `path` must not be there.
pub(super) fn forbidden(path: &str, requires: &str, message: &str) -> Rule {
    rule(Reason::FieldValueForbidden, path, requires, message)
}

/// A rule whose breach means that the field at `path` is missing.
pub(super) fn required(path: &str, requires: &str, message: &str) -> Rule {
    rule(Reason::FieldValueRequired, path, requires, message)
}

/// The field at `path` keeps the value it was created with.
pub(super) fn immutable(path: &str) -> Rule {
    forbidden(
        path,
        &format!("self{path} == oldSelf{path}"),
        "is immutable: delete this resource, which leaves the database as it is, and create another",
    )
}

fn rule(reason: Reason, path: &str, requires: &str, message: &str) -> Rule {
    let rule = Rule::new(requires).message(message).reason(reason);
    if path.is_empty() { rule } else { rule.field_path(path) }
}

/// A rule on a value of its own, wherever it stands.
fn value(requires: &str, message: &str) -> Rule {
    invalid("", requires, message)
}

/// A Postgres identifier, written as it is stored: no quotes, no folding of case.
pub(super) fn identifier(_: &mut SchemaGenerator) -> Schema {
    string(
        63,
        &[
            value(
                "size(bytes(self)) <= 63",
                "is longer than the 63 bytes Postgres keeps of an identifier; shorten it",
            ),
            value(r"!self.contains('\u0000')", "contains a NUL, which Postgres cannot store"),
        ],
    )
}

/// The columns of a key: at least one, none twice.
pub(super) fn columns(generator: &mut SchemaGenerator) -> Schema {
    let distinct = value(
        "self.all(a, self.exists_one(b, b == a))",
        "names a column twice; leave one of them out",
    );
    json_schema!({
        "type": "array",
        "items": identifier(generator),
        "minItems": 1,
        "maxItems": MAX_COLUMNS,
        "x-kubernetes-validations": [distinct],
    })
}

/// Roles of the database: none twice.
pub(super) fn roles(generator: &mut SchemaGenerator) -> Schema {
    let distinct = value(
        "self.all(a, self.exists_one(b, b == a))",
        "names a role twice; leave one of them out",
    );
    json_schema!({
        "type": "array",
        "items": identifier(generator),
        "maxItems": MAX_ROLES,
        "x-kubernetes-validations": [distinct],
    })
}

/// Included columns of an index, each at most once.
pub(super) fn included_columns(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = columns(generator);
    schema.remove("minItems");
    schema
}

/// The name of a Secret or ConfigMap.
pub(super) fn resource_name(_: &mut SchemaGenerator) -> Schema {
    let label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    let grammar = value(
        &format!(r"self.matches('^{label}(\\.{label})*$')"),
        "is not the name of a Kubernetes object: lower-case letters, digits, '-' and '.', \
         beginning and ending with a letter or digit",
    );
    string(253, &[grammar])
}

/// A key in the data of a Secret or ConfigMap.
pub(super) fn key_in_secret(_: &mut SchemaGenerator) -> Schema {
    let grammar = value(
        "self.matches('^[-._a-zA-Z0-9]+$')",
        "is not a key of a Secret or ConfigMap: letters, digits, '-', '_' and '.'",
    );
    string(253, &[grammar])
}

/// A host name or address, or the directory of a Unix socket.
pub(super) fn host(_: &mut SchemaGenerator) -> Schema {
    let grammar = value(
        r"self.matches('^[^\\s\\x00,@?#]+$')",
        "is not one host: give a name, an address or a socket directory, and the port in 'port'",
    );
    string(253, &[grammar])
}

/// The name of a time zone in the IANA database. Whether it exists, `DesiredTable::parse` finds out.
pub(super) fn time_zone(_: &mut SchemaGenerator) -> Schema {
    let grammar = value(
        "self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",
        "is not the name of a time zone; use an IANA name such as Europe/Berlin or UTC",
    );
    string(64, &[grammar])
}

/// A date, or an RFC 3339 time. The grammar rejects days that a month does not have.
pub(super) fn start_at(_: &mut SchemaGenerator) -> Schema {
    const LONG_MONTH: &str = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])";
    const SHORT_MONTH: &str = "(0[469]|11)-(0[1-9]|[12][0-9]|30)";
    const FEBRUARY: &str = "02-(0[1-9]|1[0-9]|2[0-8])";
    const LEAP_YEAR: &str =
        "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)";
    const TIME: &str = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?";
    const OFFSET: &str = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
    let date =
        format!("([1-9][0-9]{{3}}-({LONG_MONTH}|{SHORT_MONTH}|{FEBRUARY})|{LEAP_YEAR}-02-29)");
    let grammar = value(
        &format!("self.matches('^{date}(T{TIME}{OFFSET})?$')"),
        "is neither a date such as 2024-10-01 nor an RFC 3339 instant such as 2024-10-01T00:00:00Z",
    );
    let reach = value(
        "!self.startsWith('9999')",
        "is later than 9998-12-31, the last date whose periods the calendar holds; give an earlier one",
    );
    string(35, &[grammar, reach])
}

/// A duration from 10ms to 60s.
pub(super) fn lock_timeout(_: &mut SchemaGenerator) -> Schema {
    let grammar = value(
        "self.matches('^([0-9]{1,5}(ms|s|m|h))+$') \
         && duration(self) >= duration('10ms') && duration(self) <= duration('60s')",
        "is not a duration from 10ms to 60s, such as 500ms or 2s",
    );
    string(32, &[grammar])
}

/// A duration of up to 366 days.
pub(super) fn drop_after(_: &mut SchemaGenerator) -> Schema {
    let grammar = value(
        "self.matches('^([0-9]{1,5}(s|m|h))+$') && duration(self) <= duration('8784h')",
        "is not a duration from 0s to 8784h, such as 24h or 168h",
    );
    string(32, &[grammar])
}

/// A duration of 1 second to 366 days.
pub(super) fn parity_interval(_: &mut SchemaGenerator) -> Schema {
    let grammar = value(
        "self.matches('^([0-9]{1,5}(s|m|h))+$') \
         && duration(self) >= duration('1s') && duration(self) <= duration('8784h')",
        "is not a duration from 1s to 8784h, such as 10m or 1h",
    );
    string(32, &[grammar])
}

/// The losses that a user accepts: none twice.
pub(super) fn acknowledgements(_: &mut SchemaGenerator) -> Schema {
    // A name as `sql_names` reads it, except that only parsing finds one of more than 63 bytes.
    const NAME: &str = r#"([\\pL\\pN_$]+|"([^"\\x00]|"")+")"#;
    const NAMED: &str =
        "UniqueKey|Exclusion|Publication|RowMover|TriggerSeesPartition|SecurityLabel";
    let known = format!("self.matches('^({NAMED}|ForeignKey|View|ManyPartitions)(:|$)')");
    let whole = format!(
        "self.matches('^(({NAMED}):{NAME}|View:{NAME}[.]{NAME}|ForeignKey:{NAME}[.]{NAME}[.]{NAME}\
         |ManyPartitions)$')"
    );
    let unknown = format!("names no loss of a conversion: write {ACKNOWLEDGEMENTS}");
    let unclear = format!(
        "does not name what is lost: write {ACKNOWLEDGEMENTS}; names are quoted as in SQL if needed"
    );
    let rules = [value(&known, &unknown), value(&format!("!{known} || {whole}"), &unclear)];
    let distinct = value(
        "self.all(a, self.exists_one(b, b == a))",
        "names a loss twice; leave one of them out",
    );
    json_schema!({
        "type": "array",
        "items": string(400, &rules),
        "maxItems": MAX_ACKNOWLEDGEMENTS,
        "x-kubernetes-validations": [distinct],
    })
}

/// The five fields of cron, as crontab(5) has them. Of ranges that run backwards, and of days that no
/// month has, the grammar does not know.
pub(super) fn cron(_: &mut SchemaGenerator) -> Schema {
    const VALUE: &str = "([0-9]{1,2}|[a-z]{3})";
    const STEP: &str = "/(0?[1-9]|[1-9][0-9])";
    let item = format!("({VALUE}(-{VALUE}({STEP})?)?|[*]{STEP})");
    let field = format!("([*]|{item}(,{item})*)");
    // Lower case first, and not (?i), which takes the long s for an s.
    let grammar = value(
        &format!("self.lowerAscii().matches('^{field}( +{field}){{4}}$')"),
        "is not five fields of cron: minute, hour, day of the month, month, day of the week; \
         '0 2 1 * *' is at 2:00 on the first of each month",
    );
    let fields = [
        "[0-5]?[0-9]",
        "[01]?[0-9]|2[0-3]",
        "0?[1-9]|[12][0-9]|3[01]",
        "0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec",
        "0?[0-7]|sun|mon|tue|wed|thu|fri|sat",
    ];
    let fields = fields.map(|values| format!(r"([*,/-]|\\b({values})\\b)+"));
    let values = value(
        &format!("self.lowerAscii().matches('^{}$')", fields.join(" +")),
        "has a value that its field of cron has not: minutes are 0-59, hours 0-23, days of the \
         month 1-31, months 1-12 or JAN-DEC, days of the week 0-7 or SUN-SAT; no step is longer",
    );
    string(128, &[grammar, values])
}

/// A string of 1 to `max_length` characters that keeps `rules`.
fn string(max_length: usize, rules: &[Rule]) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": max_length,
        "x-kubernetes-validations": rules,
    })
}
