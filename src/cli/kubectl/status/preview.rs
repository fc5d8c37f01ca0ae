//! What a status tells of the plan.

use super::layout::{item, paragraph};
use crate::api::v1alpha1::PartitionedTable;
use crate::cli::kubectl::command;
use crate::partition::shown_text;

/// How a line begins that tells of something held back.
const HELD_BACK: &str = "held back  ";

/// The plan as far as the status tells it; nothing where nothing is left to do.
pub(in crate::cli::kubectl) fn text(table: &PartitionedTable) -> String {
    let Some(plan) = table.status.as_ref().and_then(|status| status.plan.as_ref()) else {
        return String::new();
    };
    let plural = if plan.steps == 1 { "" } else { "s" };
    let fingerprint = shown_text(&plan.fingerprint);
    let mut text =
        format!("Plan {fingerprint}: {} step{plural}, {} held back\n", plan.steps, plan.deferred);
    let mut last = "";
    for line in &plan.preview {
        let Some(held_back) = line.strip_prefix(HELD_BACK) else {
            text.push_str(&item(2, &shown_text(line)));
            continue;
        };
        let (what, why) = split(held_back);
        if why != last {
            text.push_str(&paragraph("  held back  ", &shown_text(why)));
            last = why;
        }
        if let Some(what) = what {
            text.push_str(&item(4, &shown_text(what)));
        }
    }
    let all = plan.steps.saturating_add(plan.deferred);
    let more = all.saturating_sub(i32::try_from(plan.preview.len()).unwrap_or(i32::MAX));
    if more > 0 {
        text.push_str(&format!("  and {more} more: {}\n", command("plan", table)));
    }
    text
}

/// Whether a line of a plan tells that something waits for approval.
pub(super) fn needs_approval(line: &str) -> bool {
    let why = line.strip_prefix(HELD_BACK).map(|held_back| split(held_back).1);
    why.and_then(|why| why.split(':').next()) == Some("NeedsApproval")
}

/// What is held back, where it is a single step, and why: the blocker's name, and what it says unless
/// that is said of the plan as a whole. What several wait for is said once.
fn split(held_back: &str) -> (Option<&str>, &str) {
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.chars().all(|c| c.is_ascii_alphabetic())
    };
    let begins_why = |why: &str| why.split_once(": ").is_some_and(|(blocker, _)| is_name(blocker));
    if begins_why(held_back) {
        return (None, held_back);
    }
    if let Some((what, blocker)) = held_back.rsplit_once("  ").filter(|(_, last)| is_name(last)) {
        return (Some(what), blocker);
    }
    let found = held_back.match_indices(": ").find(|(at, _)| begins_why(&held_back[at + 2..]));
    found.map_or((None, held_back), |(at, _)| (Some(&held_back[..at]), &held_back[at + 2..]))
}
