//! Tests against real Postgres servers of every supported major.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test is about the case it names")]
#![allow(clippy::large_futures, reason = "a test need not be small")]

mod session;
#[path = "../support/mod.rs"]
mod support;

mod altered_triggers;
mod approval;
mod attach;
mod attach_blockers;
mod attach_conversion;
mod attach_races;
mod backoff;
mod certificates;
mod changed_partitions;
mod claim_renewal;
mod claims;
mod cli;
mod clients;
mod conversion;
mod conversion_end;
mod conversion_interruption;
mod conversion_state;
mod converted_table;
mod copy_fixture;
mod copy_follows;
mod copy_pages;
mod copy_properties;
mod copy_removal;
mod cutover;
mod database;
mod dependent_objects;
mod detach;
mod docs;
mod drain;
mod exclusion_constraints;
mod extension_types;
mod external_changes;
mod foreign_tables;
mod index_builds;
mod index_replacement;
mod inheritance;
mod inspect;
mod interleavings;
mod interruption;
mod limits;
mod live_load;
mod locks;
mod look;
mod merge;
mod names;
mod oldest_row;
mod owner_code;
mod parity;
mod pool;
mod preflight;
mod prepared_transactions;
mod program;
mod records;
mod replica;
mod restore;
mod restore_without_comments;
mod retention;
mod reverse_sync;
mod revocation;
mod routing;
mod scenarios;
mod sequences;
mod simulate;
mod slow_steps;
mod snapshots;
mod source_follows;
mod statements;
mod subpartitioning;
mod swap;
mod swap_concurrent;
mod swap_failover;
mod swap_fixture;
mod swap_races;
mod sync;
mod testbed;
mod time_zones;
mod verify;
mod version_0;
