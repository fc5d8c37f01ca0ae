//! Confirms that a run may continue: a run can take hours, and its resource can change meanwhile.

use std::fmt::Debug;
use std::pin::Pin;

use super::LongRun;
use crate::plan::Step;

/// Source of the answer of an [`Authority`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The watched state is enough: at worst the step adds something, or drops a check.
    Known,
    /// The authority must have confirmed, since it was asked, that the request still stands: the step
    /// detaches or drops something, or changes which table serves.
    Confirmed,
}

impl Certainty {
    /// Returns how sure one must be to begin a step.
    #[must_use]
    pub fn needed_for(step: &Step) -> Self {
        if step.facts().needs_confirmation { Self::Confirmed } else { Self::Known }
    }
}

/// The answer of an [`Authority`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// The request still stands.
    Granted,
    /// It could not be confirmed that the request still stands; the text says why. The step does not
    /// begin, and those that need no confirmation go on.
    Unconfirmed(String),
    /// The request was changed or withdrawn: no further step begins.
    Revoked,
}

/// The future of a [`Ruling`].
pub type RulingFuture<'a> = Pin<Box<dyn Future<Output = Ruling> + Send + 'a>>;

/// Knows whether what a run was begun for is still asked for.
///
/// A run asks under the lock of the table after it has inspected the table, and again immediately
/// before each attempt of each step.
pub trait Authority: Debug + Send + Sync {
    /// Returns whether the run may continue.
    fn ask(&self, certainty: Certainty) -> RulingFuture<'_>;

    /// Returns what has to permit the run to scan a whole table, or `None` if nothing limits such runs.
    fn long_run(&self) -> Option<&LongRun> {
        None
    }
}

/// Authority of a command: the request is valid until the command ends.
#[derive(Debug, Clone, Copy)]
pub struct AlwaysGranted;

impl Authority for AlwaysGranted {
    fn ask(&self, _: Certainty) -> RulingFuture<'_> {
        Box::pin(std::future::ready(Ruling::Granted))
    }
}
