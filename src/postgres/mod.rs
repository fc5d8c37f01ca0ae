//! Connections to Postgres. No other module opens one.

mod answer;
mod authority;
mod catalog_query;
mod claim;
mod connect;
mod copy_facts;
mod error;
mod execute;
mod inspect;
mod inspect_attach;
mod inspect_conversion;
mod inspect_copy;
mod inspect_plain;
mod inspect_routing;
mod inspect_set;
mod lock;
mod login;
mod look_digest;
mod milestone;
mod pace;
mod pinned;
mod pool;
mod refusal;
mod rows;
mod session;
mod slow_steps;
mod statements;
mod table_names;
mod tls;
mod verify;
mod work;

pub use answer::answer;
pub use authority::{AlwaysGranted, Authority, Certainty, Ruling, RulingFuture};
pub use claim::{ClaimHolder, claim, release, renew};
pub use connect::{
    APPLICATION_NAME, ChannelBinding, ClientCertificate, ConnectionSettings, DEFAULT_PORT, Hidden,
    InvalidUrl, SecretKey, ServerAddress, Setting, SslMode, TargetSession, TlsVersions, Transport,
    is_host,
};
pub use error::{DatabaseError, ErrorKind};
pub use execute::{Progress, StepFailure, StepOutcome, execute};
pub use inspect::{InspectError, inspect, inspect_with_digest};
pub use inspect_conversion::inspect_conversion;
pub use inspect_copy::inspect_copy;
pub use inspect_set::{DigestRead, Inspected, SetInspection, read_digests};
pub use lock::{LockKeys, TableLock};
pub use look_digest::LookDigest;
pub use milestone::Milestone;
pub use pool::{BorrowError, Borrowed, LongRun, Pool, PoolLimits, Urgency};
pub use session::Session;
pub use slow_steps::SlowSteps;
pub use statements::{Statement, StatementReport, Verdict, judge_statements};
pub use table_names::TableNames;
pub use verify::{DifferingRow, Verified, verify_rows};
pub use work::{PageDone, WorkOutcome, advance};

pub use crate::sql::{CLAIM_RENEW_INTERVAL, Claimant, HeldClaim};
