//! Objects bound to the table by OID: views, SQL-body functions, publications, and the sequences of serial columns. A block
//! that gives the name to another table binds them to that table.

use super::create::fill;

/// Leaves the rest of the time for locks to the next statement.
pub(super) const LIMIT: &str = "  PERFORM set_config('lock_timeout', CASE WHEN pgpartition.deadline IS NULL THEN '0' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);\n";

/// Format of a statement that lets one sequence, `%1$s` by its object identifier, go on after another one, `%2$s`.
///
/// A session that has looked up the other sequence before it was renamed waits for the lock on it, and takes its numbers from
/// there. So the first one leaves out as many as all sessions can take.
pub(super) const GO_ON_AFTER: &str = "'SELECT setval(%1$s::oid, CASE WHEN n.next BETWEEN s.seqmin AND s.seqmax THEN n.next ELSE v.last_value END::bigint,
      v.is_called) FROM %2$s AS v, pg_sequence AS s, LATERAL (SELECT v.last_value + s.seqincrement::numeric * s.seqcache
      * current_setting(''max_connections'')::int AS next) AS n WHERE s.seqrelid = %1$s'";

/// Parts of a template: the views are locked, what is bound to the table is read before the names
/// change, and made again after it. `later` and `views` are the commands for that, `serving` is the table.
const BOUND: [(&str, &str); 3] = [
    ("@lock_views", include_str!("lock_views.sql")),
    ("@bound", include_str!("bound.sql")),
    ("@bind", include_str!("bind.sql")),
];

/// Fills a template whose block gives the name of the table to another one. `parts` are its further parts.
pub(super) fn fill_bound(template: &str, mut parts: Vec<(&'static str, String)>) -> String {
    let bound = BOUND.map(|(word, piece)| (word, fill(piece, &parts)));
    parts.extend(bound);
    fill(template, &parts)
}
