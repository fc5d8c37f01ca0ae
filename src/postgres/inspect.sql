-- One snapshot of a table, its partitions and their indexes, as JSON. It reads the catalog only: no
-- row of a user's table. $1 schema, $2 table, $3 and $4: names from $3 up to but without $4 are those
-- that the table's partitions can have, $5 the constraint by which tables detached from it are known.
WITH server AS (
    SELECT current_setting('server_version_num')::int AS version,
           CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END
               AS may_become
),
target AS (
    SELECT c.oid, c.relname, c.relnamespace, n.nspname, c.relkind, c.relowner, c.relam, c.reltablespace,
           c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
           c.relhastriggers
    FROM pg_namespace n
    JOIN pg_class c ON c.relnamespace = n.oid
    WHERE n.nspname = $1 AND c.relname = $2
),
namesakes AS (
    SELECT c.oid, c.relname, c.relkind, c.relispartition
    FROM target t
    JOIN pg_class c ON c.relnamespace = t.relnamespace AND c.relname >= $3::name AND c.relname < $4::name
),
-- Partitions, and tables that a marker says were made to become one.
members AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relpartbound, c.reltuples, c.relpages,
           c.reloptions, c.relhastriggers,
           -- By name only: 13 has no such column, and is to be told that it is too old.
           coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false) AS pending,
           age(i.xmin) AS transactions_since, d.description AS comment, true AS hangs
    FROM target t
    JOIN pg_inherits i ON i.inhparent = t.oid
    JOIN pg_class c ON c.oid = i.inhrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_description d
        ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE t.relkind = 'p'
    UNION ALL
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, NULL, c.reltuples, c.relpages,
           c.reloptions, c.relhastriggers, false, NULL, s.comment, false
    FROM target t
    JOIN (
        -- Few tables are no partition; only their comments are looked up.
        SELECT s.oid, obj_description(s.oid, 'pg_class') AS comment
        FROM (
            SELECT oid FROM namesakes WHERE relkind IN ('r', 'p') AND NOT relispartition
            UNION
            SELECT con.conrelid FROM pg_constraint con
            JOIN pg_class c ON c.oid = con.conrelid AND NOT c.relispartition
            WHERE con.conname = $5::name AND con.contype = 'c'
            UNION
            -- One whose detach was cut off at its end has no such constraint yet, and any name.
            SELECT d.objoid FROM pg_description d
            JOIN pg_class c ON c.oid = d.objoid AND NOT c.relispartition AND c.relkind IN ('r', 'p')
            WHERE d.classoid = 'pg_class'::regclass AND d.objsubid = 0
              AND starts_with(d.description, 'pgpartition.dev expired from ')
        ) s
        OFFSET 0
    ) s ON s.oid <> t.oid AND starts_with(s.comment, 'pgpartition.dev ')
    JOIN pg_class c ON c.oid = s.oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE t.relkind = 'p'
),
-- Whose build it is not ours to see has no index here.
building AS MATERIALIZED (
    SELECT index_relid
    FROM pg_stat_progress_create_index
    WHERE datname = current_database() AND index_relid IS NOT NULL
),
indexes AS (
    SELECT x.indrelid,
           json_agg(
               -- One that belongs to the table's is like it, and so is told in few words.
               CASE WHEN pc.oid IS NOT NULL THEN json_build_object(
                   'name', ic.relname, 'of', pc.relname, 'valid', x.indisvalid
               ) ELSE json_build_object(
                   'name', ic.relname,
                   'valid', x.indisvalid,
                   -- Everybody sees the lock under which an index is built or dropped concurrently.
                   'building', x.indexrelid IN (SELECT index_relid FROM building)
                       OR NOT x.indisvalid AND EXISTS (
                           SELECT FROM pg_locks l
                           WHERE l.locktype = 'relation' AND l.relation = x.indrelid AND l.granted
                             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                             AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_backend_pid()
                       ),
                   'unique', x.indisunique,
                   'constraint', (
                       SELECT pg_get_constraintdef(con.oid)
                       FROM pg_constraint con
                       WHERE con.conrelid = x.indrelid AND con.conindid = x.indexrelid
                         AND con.contype IN ('p', 'u', 'x')
                   ),
                   'comment', obj_description(x.indexrelid, 'pg_class'),
                   -- What a resource can say about an index; nothing where the index is more than that.
                   -- NULLS NOT DISTINCT is more, and 14 does not know it.
                   'shape', CASE WHEN NOT x.indisexclusion AND NOT (
                       x.indisunique AND NOT x.indisprimary
                       AND coalesce(to_jsonb(x) ->> 'indnullsnotdistinct', 'false') = 'true'
                   ) THEN (
                       SELECT json_build_object(
                           'method', (SELECT amname FROM pg_am WHERE oid = ic.relam),
                           'unique', x.indisunique,
                           'columns', json_agg(
                               json_build_object(
                                   'column', a.attname,
                                   'descending', k.option & 1 = 1,
                                   'nullsFirst', k.option & 2 = 2
                               ) ORDER BY k.position
                           ) FILTER (WHERE k.position <= x.indnkeyatts),
                           'include', coalesce(
                               json_agg(a.attname ORDER BY k.position) FILTER (WHERE k.position > x.indnkeyatts),
                               '[]'
                           ),
                           'predicate', pg_get_expr(x.indpred, x.indrelid)
                       )
                       FROM unnest(x.indkey::int2[], x.indclass::oid[], x.indcollation::oid[], x.indoption::int2[])
                                WITH ORDINALITY AS k (attnum, opclass, collation_oid, option, position)
                       LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
                       LEFT JOIN pg_opclass o ON o.oid = k.opclass
                       HAVING bool_and(
                           k.attnum <> 0
                           AND (k.position > x.indnkeyatts
                                OR (o.opcdefault AND (k.collation_oid = 0 OR k.collation_oid = a.attcollation)))
                       )
                   ) END,
                   'definition', pg_get_indexdef(x.indexrelid)
               ) END
               ORDER BY ic.relname
           ) AS indexes
    FROM (SELECT oid FROM members UNION ALL SELECT oid FROM target) r
    JOIN pg_index x ON x.indrelid = r.oid AND x.indislive
    JOIN pg_class ic ON ic.oid = x.indexrelid
    LEFT JOIN pg_inherits ii ON ii.inhrelid = x.indexrelid
    LEFT JOIN pg_class pc ON pc.oid = ii.inhparent
    GROUP BY x.indrelid
)
SELECT json_build_object(
    'schema', $1::text,
    'table', $2::text,
    'server', json_build_object(
        'version', server.version,
        'inRecovery', pg_is_in_recovery(),
        'role', current_user,
        'clock', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ),
    'relation', (
        SELECT json_build_object(
            'oid', t.oid::bigint,
            'kind', t.relkind,
            'owner', pg_get_userbyid(t.relowner),
            'owned', pg_has_role(t.relowner, server.may_become),
            'mayCreate', has_schema_privilege(t.relowner, t.relnamespace, 'CREATE'),
            'key', (
                SELECT json_build_object(
                    'method', p.partstrat,
                    'columns', json_agg(
                        json_build_object(
                            'name', a.attname,
                            'type', (
                                SELECT coalesce(base.typname, ty.typname)
                                FROM pg_type ty
                                LEFT JOIN pg_type base ON ty.typtype = 'd' AND base.oid = ty.typbasetype
                                WHERE ty.oid = a.atttypid
                            )
                        )
                        ORDER BY k.position
                    )
                )
                FROM unnest(p.partattrs::int2[]) WITH ORDINALITY AS k (attnum, position)
                LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum AND k.attnum > 0
            ),
            'columns', (
                SELECT json_agg(a.attname ORDER BY a.attnum)
                FROM pg_attribute a
                WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
            ),
            'generated', (
                SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]')
                FROM pg_attribute a
                WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
            ),
            'rowSecurity', t.relrowsecurity,
            'forceRowSecurity', t.relforcerowsecurity,
            'replicaIdentity', t.relreplident,
            'replicaIdentityIndex', (
                SELECT ic.relname
                FROM pg_index x
                JOIN pg_class ic ON ic.oid = x.indexrelid
                WHERE x.indrelid = t.oid AND x.indisreplident
            ),
            'statistics', (
                SELECT coalesce(json_agg(json_build_array(a.attname, a.attstattarget) ORDER BY a.attnum), '[]')
                FROM pg_attribute a
                WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget >= 0
            ),
            'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = t.reltablespace),
            'accessMethod', (SELECT amname FROM pg_am WHERE oid = t.relam),
            'indexes', coalesce((SELECT i.indexes FROM indexes i WHERE i.indrelid = t.oid), '[]'),
            'references', (
                SELECT coalesce(json_agg(DISTINCT jsonb_build_array(n.nspname, c.relname)), '[]')
                FROM pg_constraint con
                JOIN pg_class c ON c.oid = con.confrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE con.conrelid = t.oid AND con.contype = 'f'
            ),
            -- A table that foreign keys lead to has triggers, or its partitions have. By way of what depends
            -- on the table: pg_constraint has no index on confrelid.
            'referencedBy', CASE WHEN t.relhastriggers OR EXISTS (SELECT FROM members m WHERE m.relhastriggers) THEN (
                SELECT coalesce(json_agg(DISTINCT jsonb_build_object(
                    'schema', n.nspname,
                    'table', c.relname,
                    'columns', (
                        SELECT jsonb_agg(jsonb_build_array(f.attname, a.attname) ORDER BY k.position)
                        FROM unnest(con.conkey, con.confkey) WITH ORDINALITY AS k (own, other, position)
                        JOIN pg_attribute f ON f.attrelid = con.conrelid AND f.attnum = k.own
                        JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.other
                    )
                )), '[]')
                FROM pg_depend d
                JOIN pg_constraint con ON con.oid = d.objid AND con.contype = 'f' AND con.confrelid = t.oid
                JOIN pg_class c ON c.oid = con.conrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
                  AND d.classid = 'pg_constraint'::regclass
                  -- Those of its partitions follow from it.
                  AND con.conparentid = 0
            ) ELSE '[]' END
        )
        FROM target t
        LEFT JOIN pg_partitioned_table p ON p.partrelid = t.oid
    ),
    'partitions', (
        SELECT coalesce(
            json_agg(
                json_build_object(
                    'oid', m.oid::bigint,
                    'schema', m.nspname,
                    'name', m.relname,
                    'kind', m.relkind,
                    'bounds', pg_get_expr(m.relpartbound, 0),
                    'attached', m.hangs,
                    'detachPending', m.pending,
                    'comment', m.comment,
                    'owned', pg_has_role(t.relowner, m.relowner, 'USAGE'),
                    'rows', CASE WHEN m.reltuples >= 0 THEN m.reltuples::bigint END,
                    -- The size is exact only where emptiness decides something: of a default partition.
                    'bytes', CASE WHEN m.oid = p.partdefid AND m.relkind = 'p' THEN (
                                      SELECT sum(pg_relation_size(relid))::bigint FROM pg_partition_tree(m.oid)
                                  )
                                  WHEN m.oid = p.partdefid THEN pg_relation_size(m.oid)
                                  ELSE m.relpages::bigint * current_setting('block_size')::int END,
                    'storage', coalesce(to_json(m.reloptions), '[]'),
                    'indexes', coalesce(i.indexes, '[]'),
                    'exclusions', CASE WHEN m.oid = p.partdefid THEN (
                        SELECT json_agg(
                            json_build_object('name', con.conname, 'validated', con.convalidated)
                            ORDER BY con.conname
                        )
                        FROM pg_constraint con
                        WHERE con.conrelid = m.oid AND con.contype = 'c'
                          AND starts_with(con.conname, 'pgpartition_not_')
                    ) END,
                    'referencedBy', CASE WHEN m.relhastriggers THEN (
                        SELECT coalesce(json_agg(DISTINCT jsonb_build_array(n.nspname, c.relname)), '[]')
                        FROM pg_depend d
                        JOIN pg_constraint con
                            ON con.oid = d.objid AND con.contype = 'f' AND con.confrelid = m.oid
                        JOIN pg_class c ON c.oid = con.conrelid
                        JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
                          AND d.classid = 'pg_constraint'::regclass
                          -- The others follow from one that leads to the table.
                          AND con.conparentid = 0
                    ) ELSE '[]' END,
                    'publications', (
                        SELECT coalesce(json_agg(json_build_object(
                            'name', p.pubname,
                            'owned', pg_has_role(t.relowner, p.pubowner, 'USAGE')
                        ) ORDER BY p.pubname), '[]')
                        FROM pg_publication_rel r
                        JOIN pg_publication p ON p.oid = r.prpubid
                        WHERE r.prrelid = m.oid
                    ),
                    'heldBy', CASE WHEN m.pending THEN (
                        -- Everybody sees who holds a lock; of snapshots only those who may read all
                        -- statistics, and of others the wait for them is short.
                        SELECT coalesce(json_agg(json_build_object(
                            'pid', a.pid, 'role', a.usename, 'application', a.application_name
                        ) ORDER BY a.pid), '[]')
                        FROM pg_stat_activity a
                        WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND (
                            a.pid IN (
                                SELECT l.pid FROM pg_locks l
                                WHERE l.locktype = 'relation' AND l.relation = m.oid AND l.granted
                                  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                            )
                            -- Who came after the detach is soon gone.
                            OR age(a.backend_xmin) >= m.transactions_since
                               AND a.backend_type = 'client backend'
                               AND a.pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
                        )
                    ) ELSE '[]' END,
                    'triggers', CASE WHEN m.oid = p.partdefid AND m.relhastriggers THEN (
                        SELECT coalesce(json_agg(json_build_object('name', g.tgname, 'enabled', g.tgenabled)
                               ORDER BY g.tgname), '[]')
                        FROM pg_trigger g
                        LEFT JOIN pg_constraint con ON con.oid = g.tgconstraint
                        -- To 14 a trigger that the partition has from its table is an internal one.
                        WHERE g.tgrelid = m.oid AND (con.oid IS NULL OR con.contype = 't')
                          AND g.tgenabled <> 'D'
                    ) ELSE '[]' END,
                    'proven', NOT m.hangs AND EXISTS (
                        SELECT FROM pg_constraint con
                        WHERE con.conrelid = m.oid AND con.conname = $5::name AND con.contype = 'c'
                          AND con.convalidated
                    ),
                    'fits', m.hangs OR NOT EXISTS (
                        SELECT attname, atttypid, atttypmod, attcollation, attgenerated
                        FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped
                        EXCEPT ALL
                        SELECT attname, atttypid, atttypmod, attcollation, attgenerated
                        FROM pg_attribute WHERE attrelid = m.oid AND attnum > 0 AND NOT attisdropped
                    ) AND NOT EXISTS (
                        SELECT attname FROM pg_attribute
                        WHERE attrelid = m.oid AND attnum > 0 AND NOT attisdropped
                        EXCEPT ALL
                        SELECT attname FROM pg_attribute
                        WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped
                    ) AND NOT EXISTS (
                        SELECT attname FROM pg_attribute
                        WHERE attrelid = t.oid AND attnum > 0 AND attnotnull
                        EXCEPT ALL
                        SELECT attname FROM pg_attribute
                        WHERE attrelid = m.oid AND attnum > 0 AND attnotnull
                    ) AND NOT EXISTS (
                        SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint
                        WHERE conrelid = t.oid AND contype = 'c' AND NOT connoinherit
                        EXCEPT ALL
                        SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint
                        WHERE conrelid = m.oid AND contype = 'c' AND NOT connoinherit
                    )
                )
                ORDER BY m.nspname, m.relname
            ),
            '[]'
        )
        FROM target t
        LEFT JOIN pg_partitioned_table p ON p.partrelid = t.oid
        JOIN members m ON true
        LEFT JOIN indexes i ON i.indrelid = m.oid
    ),
    'taken', (
        SELECT coalesce(json_agg(DISTINCT name), '[]')
        FROM (
            SELECT s.relname AS name FROM namesakes s
            UNION ALL
            SELECT ty.typname
            FROM target t
            JOIN pg_type ty ON ty.typnamespace = t.relnamespace
                AND ty.typname >= $3::name AND ty.typname < $4::name
                AND ty.typtype <> 'c' -- a composite type has the name of a relation
        ) names
    )
)::text
FROM server
