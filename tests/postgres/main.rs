//! Tests against real Postgres servers of every supported major.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test is about the case it names")]
#![allow(clippy::large_futures, reason = "a test need not be small")]

mod session;
#[path = "../support/mod.rs"]
mod support;

mod as_partitioned;
mod aside;
mod attach_prevented;
mod attached;
mod attaching;
mod authority;
mod backing_off;
mod by_others;
mod certificates;
mod claims;
mod cli;
mod clients;
mod command;
mod consent;
mod conversion_interrupted;
mod conversion_state;
mod converting;
mod copied;
mod copy_follows;
mod copy_properties;
mod copy_undone;
mod copying;
mod dependents;
mod detaching;
mod documents;
mod draining;
mod exclusion;
mod extension_types;
mod foreign;
mod inheritance;
mod inspect;
mod interleavings;
mod interruption;
mod limits;
mod live_load;
mod locks;
mod merging;
mod names;
mod oldest_row;
mod owner_code;
mod parity;
mod partitions_changed;
mod pool;
mod preflight;
mod prepared;
mod records;
mod references;
mod replica;
mod restore;
mod restored;
mod retention;
mod reverse_sync;
mod routing;
mod scenarios;
mod serving;
mod slow;
mod snapshots;
mod source_follows;
mod source_retired;
mod statements;
mod steps;
mod successors;
mod support_works;
mod swap_concurrent;
mod swap_failover;
mod swap_races;
mod swapped;
mod swapping;
mod sync;
mod sync_altered;
mod verifying;
mod version_0;
mod world;
mod zones;
