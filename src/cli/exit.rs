//! Exit statuses.

use std::process::ExitCode;

use crate::api::ResolvedBy;
use crate::plan::Plan;
use crate::postgres::{DatabaseError, ErrorKind, InspectError, StepFailure};
use crate::status::resolved_by;

/// What a command came to, the gravest last: of several outcomes the gravest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// Nothing to do, or done.
    Done,
    /// There are steps, or there is drift.
    Steps,
    /// Others hold what is needed.
    Busy,
    /// Something needs a person.
    Person,
    /// The plan is no longer the one expected.
    PlanChanged,
    /// It could not be tried.
    Failed,
}

impl Exit {
    /// What a plan leaves to be done, apart from its steps.
    pub(super) fn of_deferred(plan: &Plan) -> Self {
        plan.deferred
            .iter()
            .map(|deferral| match resolved_by(&deferral.blocker) {
                ResolvedBy::Time => Self::Done,
                ResolvedBy::OtherSessions => Self::Busy,
                ResolvedBy::User => Self::Person,
            })
            .max()
            .unwrap_or(Self::Done)
    }

    /// What the failure of a step asks for.
    pub(super) fn of_failure(failure: &StepFailure) -> Self {
        match failure {
            StepFailure::Skipped => Self::Done,
            StepFailure::NoSession(_) => Self::Busy,
            StepFailure::Unconfirmed(_) | StepFailure::Revoked => Self::Failed,
            StepFailure::Database(error) => match error.kind() {
                ErrorKind::TooSlow
                | ErrorKind::Changed
                | ErrorKind::Denied
                | ErrorKind::Refused => Self::Person,
                ErrorKind::Busy
                | ErrorKind::Pooled
                | ErrorKind::Unreachable
                | ErrorKind::AuthenticationFailed
                | ErrorKind::Tls
                | ErrorKind::Lost => Self::of_kind(error.kind()),
            },
        }
    }

    /// What an error asks for that kept us from trying.
    pub(super) fn of_error(error: &anyhow::Error) -> Self {
        let of_inspecting = || match error.downcast_ref()? {
            InspectError::Database(error) => Some(error),
            InspectError::Json(_)
            | InspectError::TooLarge(_)
            | InspectError::AskedAgain
            | InspectError::Meaning(_) => None,
        };
        let of_database = error.downcast_ref::<DatabaseError>().or_else(of_inspecting);
        of_database.map_or(Self::Failed, |error| Self::of_kind(error.kind()))
    }

    fn of_kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Busy | ErrorKind::TooSlow => Self::Busy,
            ErrorKind::Pooled => Self::Person,
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
            Exit::Steps => 2,
            Exit::PlanChanged => 3,
            Exit::Person => 4,
            Exit::Busy => 5,
        })
    }
}
