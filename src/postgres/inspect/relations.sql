-- The catalog query. It is one statement, so it sees one snapshot. It returns a row for the table, for each partition,
-- for each index, and for each table that can become a partition. It reads the catalog only, and no row of a table of a user.
--
-- catalog_query.rs joins its parts: relations.sql and drain.sql are common table expressions; table.sql, partitions.sql, and
-- indexes.sql select the rows.
--
-- $1   schema of the table
-- $2   name of the table
-- $3   beginning of the names of its partitions
-- $4   a name after all these names, or NULL if there is none
-- $5   names of the check on tables that were detached from the table
-- $6   beginning of every marker
-- $7   beginning of the marker of an expired partition
-- $8   pattern of the line that records adoptions
-- $9   beginning of the name of a default-partition check
-- $10  marker of the copy of the table
-- $11  name of the plain table that the table replaced
-- $12  marker of that plain table
-- $13  seed of hashes
--
-- The server writes JSON more slowly than it reads the catalog. So facts about many objects have columns, and the
-- other facts are JSON in "facts". Comments and definitions have any length. The query reads the beginning of a comment, where the
-- marker is, and definitions up to a length above which the inspection fails (MAX_DEFINITION in rows.rs).
WITH server AS (
    SELECT current_setting('server_version_num')::int AS version,
           CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END
               AS may_become
),
target AS (
    SELECT c.oid, c.relname, c.relnamespace, n.nspname, c.relkind, c.relowner, c.relam, c.reltablespace,
           c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relhastriggers, c.relispartition,
           p.partstrat, p.partattrs, p.partdefid, d.description
    FROM pg_namespace n
    JOIN pg_class c ON c.relnamespace = n.oid
    LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
    LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE n.nspname = $1 AND c.relname = $2
),
same_name AS (
    SELECT c.oid, c.relname, c.relkind, c.relispartition
    FROM target t
    -- This order only helps the index: the order of $4 differs between encodings.
    JOIN pg_class c ON c.relnamespace = t.relnamespace AND c.relname >= $3::name
        AND c.relname <= coalesce($4::name, (SELECT relname FROM pg_class ORDER BY relname DESC LIMIT 1))
        AND starts_with(c.relname, $3::text)
),
-- Tables that can be partitions and are not: those with a name like that of a partition, and those that were detached.
candidates AS (
    -- There are few of these; only their comments are looked up.
    SELECT s.oid, s.was_detached, (
        SELECT left(description, 2000) FROM pg_description
        WHERE objoid = s.oid AND classoid = 'pg_class'::regclass AND objsubid = 0
    ) AS comment
    FROM (
        SELECT oid, bool_or(was_detached) AS was_detached FROM (
            SELECT oid, false AS was_detached
            FROM same_name WHERE relkind IN ('r', 'p', 'f') AND NOT relispartition
            UNION ALL
            SELECT con.conrelid, true
            FROM pg_constraint con
            JOIN pg_class c ON c.oid = con.conrelid AND NOT c.relispartition
            WHERE con.conname = ANY ($5::name[]) AND con.contype = 'c'
        ) found GROUP BY oid
    ) s
    JOIN target t ON t.relkind = 'p' AND t.oid <> s.oid
    OFFSET 0
),
-- The candidates with the columns and the checks of the table, so that ATTACH PARTITION accepts them.
fitting AS (
    SELECT b.oid
    FROM target t
    CROSS JOIN candidates b
    WHERE NOT EXISTS (
        SELECT
        FROM (SELECT * FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) its
        FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = b.oid AND attnum > 0 AND NOT attisdropped) own
            ON own.attname = its.attname
        WHERE (own.atttypid, own.atttypmod, own.attcollation, own.attgenerated)
                  IS DISTINCT FROM (its.atttypid, its.atttypmod, its.attcollation, its.attgenerated)
           OR its.attnotnull AND NOT own.attnotnull
    ) AND NOT EXISTS (
        SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint
        WHERE conrelid = t.oid AND contype = 'c' AND NOT connoinherit
        EXCEPT ALL
        SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint
        WHERE conrelid = b.oid AND contype = 'c' AND NOT connoinherit
    )
),
-- Partitions, and candidates that were detached or have a marker.
members AS (
    SELECT c.oid,
           -- Most are in the schema of the table.
           CASE WHEN c.relnamespace = t.relnamespace THEN t.nspname
                ELSE (SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace) END AS nspname,
           c.relname, c.relkind, c.relowner, c.relpartbound, c.reltuples, c.relpages,
           c.reloptions, c.relhastriggers, i.inhdetachpending, i.transactions_since,
           left(d.description, 2000) AS comment, true AS is_attached,
           coalesce(starts_with(d.description, $7::text), false) AS is_expired
    FROM target t
    -- Postgres 13 has no such column; there the name refers to this one, so that the version can be reported as too old.
    CROSS JOIN (SELECT false AS inhdetachpending) before_14
    CROSS JOIN LATERAL (
        SELECT inhrelid, inhdetachpending, age(xmin) AS transactions_since
        FROM pg_inherits WHERE inhparent = t.oid
    ) i
    JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN pg_description d
        ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE t.relkind = 'p'
    UNION ALL
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, NULL, c.reltuples, c.relpages,
           c.reloptions, c.relhastriggers, false, NULL, s.comment, false, true
    FROM target t
    JOIN candidates s ON true
    JOIN pg_class c ON c.oid = s.oid
        AND (s.was_detached OR c.relkind <> 'f' AND starts_with(s.comment, $6::text))
    JOIN pg_namespace n ON n.oid = c.relnamespace
),
parents AS (
    SELECT x.indexrelid, c.relname
    FROM target t
    JOIN pg_index x ON x.indrelid = t.oid
    JOIN pg_class c ON c.oid = x.indexrelid
),
-- Few databases have any.
published AS MATERIALIZED (
    SELECT prrelid, prpubid FROM pg_publication_rel
),
-- Without the privilege to see the session of a build, its index is missing here.
building AS MATERIALIZED (
    SELECT index_relid
    FROM pg_stat_progress_create_index
    WHERE datname = current_database() AND index_relid IS NOT NULL
)
