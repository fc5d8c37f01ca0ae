//! Exit statuses.

use std::process::ExitCode;

use crate::api::ResolvedBy;
use crate::plan::Plan;
use crate::postgres::{DatabaseError, ErrorKind, InspectError, StepFailure};
use crate::status::resolved_by;

/// Outcome of a command, the most severe last. If there are several outcomes, the most severe one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// Nothing to do, or done.
    Done,
    /// There are steps, or there is drift.
    Pending,
    /// Another session or operator holds a lock.
    Busy,
    /// Manual action is needed.
    ActionRequired,
    /// The plan is no longer the one expected.
    PlanChanged,
    /// The command could not run.
    Failed,
}

impl Exit {
    /// Returns the exit status of the deferred steps of a plan.
    pub(super) fn from_deferred(plan: &Plan) -> Self {
        plan.deferred
            .iter()
            .map(|deferral| match resolved_by(&deferral.blocker) {
                ResolvedBy::Time => Self::Done,
                ResolvedBy::OtherSessions => Self::Busy,
                ResolvedBy::User => Self::ActionRequired,
            })
            .max()
            .unwrap_or(Self::Done)
    }

    /// Returns the exit status of a failed step.
    pub(super) fn from_failure(failure: &StepFailure) -> Self {
        match failure {
            StepFailure::Skipped => Self::Done,
            StepFailure::NoSession(_) => Self::Busy,
            StepFailure::Unconfirmed(_) | StepFailure::Revoked => Self::Failed,
            StepFailure::Database(error) => match error.kind() {
                ErrorKind::TooSlow
                | ErrorKind::Changed
                | ErrorKind::Denied
                | ErrorKind::Refused => Self::ActionRequired,
                ErrorKind::Busy
                | ErrorKind::Pooled
                | ErrorKind::Unreachable
                | ErrorKind::AuthenticationFailed
                | ErrorKind::Tls
                | ErrorKind::Lost => Self::from_kind(error.kind()),
            },
        }
    }

    /// Returns the exit status of an error before the first step.
    pub(super) fn from_error(error: &anyhow::Error) -> Self {
        let of_inspecting = || match error.downcast_ref()? {
            InspectError::Database(error) => Some(error),
            InspectError::Json(_)
            | InspectError::TooLarge(_)
            | InspectError::OutOfOrder
            | InspectError::AskedAgain
            | InspectError::Meaning(_) => None,
        };
        let of_database = error.downcast_ref::<DatabaseError>().or_else(of_inspecting);
        of_database.map_or(Self::Failed, |error| Self::from_kind(error.kind()))
    }

    fn from_kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Busy | ErrorKind::TooSlow => Self::Busy,
            ErrorKind::Pooled => Self::ActionRequired,
            ErrorKind::Changed
            | ErrorKind::Denied
            | ErrorKind::Refused
            | ErrorKind::Unreachable
            | ErrorKind::AuthenticationFailed
            | ErrorKind::Tls
            | ErrorKind::Lost => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Pending => 2,
            Exit::PlanChanged => 3,
            Exit::ActionRequired => 4,
            Exit::Busy => 5,
        })
    }
}
