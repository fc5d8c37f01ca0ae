//! Errors as reasons that a status can give.

use super::ClusterError;
use crate::api::Reason;
use crate::converge::ConvergeError;
use crate::desired::SpecError;
use crate::postgres::{BorrowError, DatabaseError, ErrorKind, InspectError, StepFailure};
use crate::status::Failure;

/// Why a reconcile failed.
#[derive(Debug)]
pub(super) enum ReconcileError {
    /// A failure that the status reports.
    Of(Failure),
    /// The API server failed, so the status cannot report it.
    Cluster(ClusterError),
    /// The operator is shutting down; the next leader reconciles the resource.
    ShuttingDown,
    /// The resource was changed or deleted during the run and must be reconciled again.
    Superseded,
    /// All sessions to the server are in use, with a message.
    NoSession(String),
}

impl std::fmt::Display for ReconcileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Of(failure) => f.write_str(&failure.message),
            Self::NoSession(message) => f.write_str(message),
            Self::Cluster(error) => f.write_str(&error.chain()),
            Self::ShuttingDown => f.write_str("the operator is shutting down"),
            Self::Superseded => f.write_str("the resource was changed"),
        }
    }
}

impl From<Failure> for ReconcileError {
    fn from(failure: Failure) -> Self {
        Self::Of(failure)
    }
}

impl From<ClusterError> for ReconcileError {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// Describes the errors of a spec.
pub(super) fn from_spec_errors(errors: &[SpecError]) -> Failure {
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    Failure { reason: Reason::InvalidSpec, message: errors.join("; ") }
}

/// Describes a resource that cannot be parsed.
pub(super) fn unreadable(error: &str) -> Failure {
    let message = format!("this version of the operator cannot read the resource: {error}");
    Failure { reason: Reason::InvalidSpec, message }
}

/// Describes why there is no session.
pub(super) fn from_borrow_error(error: &BorrowError) -> ReconcileError {
    match error {
        BorrowError::Database(error) => ReconcileError::Of(from_connect_error(error)),
        BorrowError::Exhausted { .. } | BorrowError::NoLongSession { .. } => {
            ReconcileError::NoSession(error.to_string())
        }
    }
}

/// Describes why a long step waits for a session.
pub(super) fn waiting_for_session(error: &BorrowError) -> Failure {
    Failure { reason: Reason::WaitingForSession, message: error.to_string() }
}

/// Describes why the connection failed.
fn from_connect_error(error: &DatabaseError) -> Failure {
    let reason = match error.kind() {
        ErrorKind::AuthenticationFailed => Reason::AuthenticationFailed,
        ErrorKind::Denied => Reason::InsufficientPrivilege,
        ErrorKind::Tls => Reason::TlsFailed,
        ErrorKind::Pooled => Reason::PoolerDetected,
        ErrorKind::Busy
        | ErrorKind::TooSlow
        | ErrorKind::Changed
        | ErrorKind::Unreachable
        | ErrorKind::Lost
        | ErrorKind::Refused => Reason::ConnectionFailed,
    };
    Failure { reason, message: error.to_string() }
}

/// Describes why the table could not be inspected, or the run not started.
pub(super) fn from_converge_error(error: &ConvergeError) -> Failure {
    let reason = match error {
        ConvergeError::Inspect(InspectError::Database(error)) => from_inspect_error(error.kind()),
        ConvergeError::Conflict(_) => Reason::Conflict,
        ConvergeError::LockedByAnotherOperator(_) => Reason::LockedByAnotherOperator,
        ConvergeError::PlanChanged { .. } | ConvergeError::Revoked => Reason::Progressing,
        ConvergeError::Inspect(
            InspectError::Json(_)
            | InspectError::TooLarge(_)
            | InspectError::OutOfOrder
            | InspectError::AskedAgain
            | InspectError::Meaning(_),
        )
        | ConvergeError::Violation(_) => Reason::StepFailed,
    };
    Failure { reason, message: error.to_string() }
}

fn from_inspect_error(kind: ErrorKind) -> Reason {
    match kind {
        ErrorKind::Busy | ErrorKind::TooSlow => Reason::TableLocked,
        ErrorKind::Denied => Reason::InsufficientPrivilege,
        ErrorKind::Unreachable | ErrorKind::Lost => Reason::ConnectionFailed,
        ErrorKind::AuthenticationFailed => Reason::AuthenticationFailed,
        ErrorKind::Tls => Reason::TlsFailed,
        ErrorKind::Pooled => Reason::PoolerDetected,
        // An error of the catalog query is permanent, unless the object was dropped meanwhile.
        ErrorKind::Changed | ErrorKind::Refused => Reason::StepFailed,
    }
}

/// Returns what a failed step means for the resource, or `None` if the step was skipped or the run was ended. If a
/// new plan contains the same step, what changed meanwhile was not the cause, and time does not fix it.
pub(super) fn from_step_failure(failure: &StepFailure, is_planned_again: bool) -> Option<Failure> {
    let error = match failure {
        StepFailure::Database(error) => error,
        StepFailure::Unconfirmed(_) => {
            let message = failure.to_string();
            return Some(Failure { reason: Reason::StepFailed, message });
        }
        StepFailure::NoSession(error) => return Some(waiting_for_session(error)),
        StepFailure::Skipped | StepFailure::Revoked => return None,
    };
    let reason = match error.kind() {
        ErrorKind::Busy => Reason::LockTimeout,
        ErrorKind::Changed if !is_planned_again => Reason::Progressing,
        ErrorKind::Denied => Reason::InsufficientPrivilege,
        ErrorKind::Unreachable | ErrorKind::Lost => Reason::ConnectionFailed,
        ErrorKind::AuthenticationFailed
        | ErrorKind::Tls
        | ErrorKind::Pooled
        | ErrorKind::TooSlow
        | ErrorKind::Changed
        | ErrorKind::Refused => Reason::StepFailed,
    };
    Some(Failure { reason, message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::from_step_failure;
    use crate::api::Reason;
    use crate::postgres::{DatabaseError, ErrorKind, StepFailure};

    fn reason(kind: ErrorKind, is_planned_again: bool) -> Option<Reason> {
        let failure = StepFailure::Database(DatabaseError::from_kind(kind));
        from_step_failure(&failure, is_planned_again).map(|failure| failure.reason)
    }

    #[test]
    fn error_is_permanent_if_a_new_inspection_plans_the_same_step() {
        assert_eq!(reason(ErrorKind::Changed, false), Some(Reason::Progressing));
        assert_eq!(reason(ErrorKind::Changed, true), Some(Reason::StepFailed));
    }

    #[test]
    fn step_that_is_too_slow_is_not_reported_as_a_lock_timeout() {
        assert_eq!(reason(ErrorKind::TooSlow, true), Some(Reason::StepFailed));
        assert_eq!(reason(ErrorKind::Busy, true), Some(Reason::LockTimeout));
    }
}
