//! The settings under which a statement means the same everywhere, and how a session gets them back.

/// Settings of every session in addition to [`pinned_options`](crate::sql::pinned_options), whatever the server, the
/// database or the role sets: when a session ends, and how it is used. They make no sense in a printed script, whose
/// session is a user's. Not `default_transaction_read_only`: that is how administrators fence a server. The keepalives
/// are the server's: a node that is gone cannot close its connections, and they hold the locks on tables. Postgres would compile
/// the catalog query for longer than it executes it.
pub(super) const OF_SESSION: &str = "-c lock_timeout=1s -c statement_timeout=10s \
    -c idle_in_transaction_session_timeout=30s -c idle_session_timeout=0 \
    -c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 \
    -c tcp_user_timeout=30s -c client_min_messages=warning \
    -c plan_cache_mode=force_generic_plan -c jit=off -c exit_on_error=off";

/// Setting for the login to 17 and later, where the limit of a role can be too short for the login.
pub(super) const NO_TRANSACTION_TIMEOUT: &str = "-c transaction_timeout=0";

/// Settings that not every server has. The server checks within seconds whether the client is gone: otherwise a
/// build would continue for hours, and keep the lock on the table.
pub(super) const SETTLE: &str = "SELECT pg_catalog.set_config(v.name, v.value, false) \
    FROM (VALUES ('client_connection_check_interval', '10s'), ('transaction_timeout', '0')) AS v (name, value) \
    WHERE pg_catalog.current_setting(v.name, true) IS NOT NULL";

/// Asks for a setting of this session, which a connection pooler does not return, and whether the server is read-only.
pub(super) const PROBE: &str = "SELECT pg_catalog.current_setting('pgpartition.probe', true), \
    pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";

/// Takes back what code of a table's owner can have left in a session: settings, among them the encoding that statements
/// are read in, roles, and prepared statements under the operator's names. Advisory locks stay.
pub(super) const CLEAN: &str = "RESET SESSION AUTHORIZATION; RESET ALL; RESET ROLE; DEALLOCATE ALL; CLOSE ALL; \
    UNLISTEN *; DISCARD PLANS; DISCARD SEQUENCES";

/// Takes back temporary objects, which can capture names.
pub(super) const CLEAN_TEMP: &str = "DISCARD TEMP";
