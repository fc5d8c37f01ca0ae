//! What a run may do, and for how long.

use std::sync::Arc;
use std::time::Duration;

use super::look::look_at;
use crate::desired::DesiredTable;
use crate::observed::ObservedTable;
use crate::partition::Identifier;
use crate::plan::{Moment, Plan};
use crate::postgres::{Authority, Claimant, InspectError, Session, SlowSteps, Unrevoked};

/// How far to go.
#[derive(Debug, Clone)]
pub struct Options {
    /// The relation of the table's schema to work on; `None` for the one that has the name of the table. A copy has
    /// another name before its cutover.
    pub relation: Option<Identifier>,
    /// The instants the plan is for.
    pub moment: Moment,
    /// How long to retry what others hold.
    pub patience: Duration,
    /// The fingerprints a person has seen; empty where any plan will do.
    pub expect: Vec<String>,
    /// Time to keep retrying a detach whose end waits for an old transaction.
    pub linger: Duration,
    /// The resource that claims the table; `None` on the command line.
    pub claimant: Option<Claimant>,
    /// Asked whether the run may go on, under the lock of the table and before each step.
    pub authority: Arc<dyn Authority>,
    /// The steps that take too long to be tried again at once.
    pub slow: SlowSteps,
    /// Whether steps that [`super::converge_aside`] executes are left to it.
    pub leave_aside: bool,
}

impl Options {
    /// Accepts any plan for that moment and cannot be revoked. It claims no table and waits for no blocked detach.
    #[must_use]
    pub fn new(moment: Moment, patience: Duration) -> Self {
        Self {
            relation: None,
            moment,
            patience,
            expect: Vec::new(),
            linger: Duration::ZERO,
            claimant: None,
            authority: Arc::new(Unrevoked),
            slow: SlowSteps::default(),
            leave_aside: false,
        }
    }

    /// Looks at the relation and plans.
    pub(super) async fn look(
        &self,
        session: &Session,
        desired: &DesiredTable,
    ) -> Result<(ObservedTable, Plan), InspectError> {
        let relation = self.relation.as_ref().unwrap_or(&desired.name.name().name);
        look_at(session, desired, relation, &self.moment).await
    }
}
