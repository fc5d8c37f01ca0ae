//! Resolution of a problem: time, other sessions, or a user.

/// Resolution of a problem, the most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResolvedBy {
    /// A user changes the resource, the database, or the cluster.
    User,
    /// Another session or process finishes its work.
    OtherSessions,
    /// Time passes.
    Time,
}
