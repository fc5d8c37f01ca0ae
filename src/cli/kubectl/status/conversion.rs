//! Lines of a status about the conversion.

use jiff::{SignedDuration, Timestamp};

use super::layout::{long, relative};
use super::{condition, reason};
use crate::api::v1alpha1::{
    ConversionStage, ConversionStatus, LostAt, ParityLevel, ParityState, ParityStatus,
    PartitionedTable, Rollback, RoutedRole, Side,
};
use crate::api::{ConditionType, Reason};
use crate::partition::escape_control;

/// Returns the progress, the sync, the parity, and the losses of a conversion, each with its label, or nothing if nothing is
/// converted.
pub(super) fn facts(table: &PartitionedTable, now: Timestamp) -> Vec<(&'static str, String)> {
    let Some(status) = &table.status else { return Vec::new() };
    let mut facts = Vec::new();
    let Some(conversion) = &status.conversion else { return facts };
    facts.push(("conversion", progress(conversion, now)));
    facts.extend(sync(table, conversion).map(|sync| ("sync", sync.to_owned())));
    let parity = status.parity.as_ref();
    facts.extend(parity.map(|parity| ("parity", compared(parity, now))));
    for (number, loss) in conversion.losses.iter().enumerate() {
        let at = match loss.at {
            LostAt::Cutover => "at the cutover",
            LostAt::Drop => "when the source is dropped",
        };
        let acknowledged = if loss.acknowledged { "acknowledged" } else { "not acknowledged" };
        let label = if number == 0 { "losses" } else { "" };
        facts.push((label, format!("{} {at}, {acknowledged}", escape_control(&loss.loss))));
    }
    if !conversion.bound.is_empty() {
        let bound: Vec<_> = conversion.bound.iter().map(|object| escape_control(object)).collect();
        let message = "these objects still read the source after the cutover and prevent its drop";
        facts.push(("bound", format!("{message}: {}", bound.join(", "))));
    }
    for (number, role) in conversion.routing.iter().enumerate() {
        facts.push((if number == 0 { "routing" } else { "" }, routed(role)));
    }
    facts
}

/// Returns `reporting: reads the copy; 3 older sessions of it still read the source`.
fn routed(routed: &RoutedRole) -> String {
    let role = escape_control(&routed.role);
    if !routed.routed {
        return format!("{role}: reads the source");
    }
    let older = routed
        .older_sessions
        .filter(|count| *count > 0)
        .map(|count| format!("; {count} older sessions of it still read the source"));
    format!("{role}: reads the copy{}", older.unwrap_or_default())
}

fn progress(conversion: &ConversionStatus, now: Timestamp) -> String {
    let stage = match conversion.stage {
        None => "stage unknown".to_owned(),
        Some(ConversionStage::Preparing) => "preparing".to_owned(),
        Some(ConversionStage::Copying) => format!("copying, {}", copied(conversion, now)),
        Some(ConversionStage::Indexing) => "building indexes on the copy".to_owned(),
        Some(ConversionStage::Comparing) => "comparing both tables".to_owned(),
        Some(ConversionStage::InParity) => "in parity".to_owned(),
        Some(ConversionStage::Prepared) => "prepared".to_owned(),
        Some(ConversionStage::Serving) => "serving".to_owned(),
        Some(ConversionStage::Ending) => "ending".to_owned(),
    };
    let since = conversion.serving_since.as_ref();
    let since =
        since.map_or_else(String::new, |at| format!(" for {}", long(now.duration_since(at.0))));
    match (conversion.stage, conversion.serving) {
        (Some(ConversionStage::Serving), _) | (_, Some(Side::Partitioned)) => {
            let rollback = match conversion.rollback {
                Some(Rollback::Possible) => "; rollback possible",
                Some(Rollback::Impossible) => "; no rollback possible",
                None => "",
            };
            format!("serving from the partitioned table{since}{rollback}")
        }
        (_, Some(Side::Source)) => format!("{stage}; serving from the source{since}"),
        (_, None) => stage,
    }
}

/// Returns `41 % of ~300000000 rows, 41000 rows/s, about 72 minutes left`.
fn copied(conversion: &ConversionStatus, now: Timestamp) -> String {
    let rows = conversion.copied_rows.unwrap_or(0);
    let mut text = match conversion.estimated_rows.filter(|estimated| *estimated > 0) {
        Some(estimated) => {
            let percent = rows.saturating_mul(100).checked_div(estimated).unwrap_or(0).min(100);
            format!("{percent} %: {rows} of ~{estimated} rows")
        }
        None => format!("{rows} rows"),
    };
    if let Some(rate) = conversion.rows_per_second {
        text.push_str(&format!(", {rate} rows/s"));
    }
    if let Some(at) = &conversion.expected_at {
        let left = at.0.duration_since(now).max(SignedDuration::ZERO);
        text.push_str(&format!(", about {} left", long(left)));
    }
    text
}

/// Returns the state of the triggers, or `None` before their installation or if it is unknown.
fn sync(table: &PartitionedTable, conversion: &ConversionStatus) -> Option<&'static str> {
    match conversion.stage? {
        ConversionStage::Preparing | ConversionStage::Prepared | ConversionStage::Ending => {
            return None;
        }
        ConversionStage::Copying
        | ConversionStage::Indexing
        | ConversionStage::Comparing
        | ConversionStage::InParity
        | ConversionStage::Serving => {}
    }
    let reason = reason(condition(table, ConditionType::InSync)?)?;
    let enabled =
        [Reason::InParity, Reason::RowsCopying, Reason::NotCompared, Reason::ParityFailed];
    if reason == Reason::SyncAltered {
        Some("altered: the triggers differ from the installed ones")
    } else {
        enabled
            .contains(&reason)
            .then_some("enabled: the triggers are unchanged since their installation")
    }
}

fn compared(parity: &ParityStatus, now: Timestamp) -> String {
    let state = match parity.state {
        Some(ParityState::Clean) => "clean",
        Some(ParityState::Differs) => "differs",
        Some(ParityState::Unknown) | None => "unknown",
    };
    let mut text = state.to_owned();
    let Some(at) = &parity.checked_at else {
        return text + ": no comparison has completed since the triggers were installed";
    };
    let count = |rows: Option<i64>| rows.map_or_else(|| "?".to_owned(), |rows| rows.to_string());
    let (source, copy) = (count(parity.rows_source), count(parity.rows_partitioned));
    text.push_str(&if source == copy {
        format!(", {source} rows on both sides")
    } else {
        format!(", {source} rows in the source and {copy} in the copy")
    });
    if let Some(rows) = parity.difference_rows.filter(|rows| *rows > 0) {
        text.push_str(&format!(", {rows} differed"));
    }
    let how = match parity.level {
        Some(ParityLevel::Count) => "counted",
        Some(ParityLevel::Content) | None => "compared",
    };
    text.push_str(&format!(", {how} {} ({})", relative(at.0, now), at.0));
    if let Some(rows) = parity.repaired_rows.filter(|rows| *rows > 0) {
        text.push_str(&format!("; {rows} repaired since the conversion began"));
    }
    text
}
