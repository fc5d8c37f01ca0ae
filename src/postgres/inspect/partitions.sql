-- A row for each partition, and for each table that was detached or has a marker.
SELECT 'partition',
       m.oid, m.nspname, m.relname, m.relkind, hashtextextended(m.relpartbound::text, $13),
       m.is_attached, m.inhdetachpending, m.comment,
       m.relowner = t.relowner OR pg_has_role(t.relowner, m.relowner, 'USAGE'),
       CASE WHEN m.reltuples >= 0 THEN m.reltuples::bigint END,
       -- The size is exact only where emptiness decides something: of a default partition.
       CASE WHEN m.oid <> t.partdefid THEN greatest(m.relpages, 0)::bigint * (SELECT current_setting('block_size')::int)
            WHEN m.relkind = 'p' THEN (
                SELECT sum(pg_relation_size(relid))::bigint FROM pg_partition_tree(m.oid)
            )
            ELSE pg_relation_size(m.oid) END,
       m.reloptions,
       m.is_attached OR m.oid IN (SELECT oid FROM fitting),
       NULL, NULL, NULL,
       -- What few partitions have anything of.
       CASE WHEN m.oid = t.partdefid OR m.relhastriggers OR m.inhdetachpending OR NOT m.is_attached OR m.is_expired
                 OR m.oid IN (SELECT prrelid FROM published) THEN json_build_object(
           'totalBytes', CASE WHEN m.oid IS DISTINCT FROM t.partdefid THEN 0
                              WHEN m.relkind = 'p' THEN (
                                  SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree(m.oid)
                              )
                              ELSE pg_total_relation_size(m.oid) END,
           'lacksIdentity', m.oid = t.partdefid
               AND EXISTS (SELECT FROM pg_publication WHERE pubdelete)
               AND NOT (SELECT relreplident = 'f' FROM pg_class WHERE oid = m.oid)
               AND NOT EXISTS (
                   SELECT FROM pg_class c
                   JOIN pg_index x ON x.indrelid = c.oid
                   WHERE c.oid = m.oid AND x.indisvalid AND x.indimmediate
                     AND (c.relreplident = 'd' AND x.indisprimary OR c.relreplident = 'i' AND x.indisreplident)
               )
               -- It may be published by itself, by a table above it, with its schema, or with all tables.
               AND EXISTS (
                   SELECT FROM pg_publication_tables v
                   JOIN pg_publication p ON p.pubname = v.pubname AND p.pubdelete
                   JOIN pg_namespace n ON n.nspname = v.schemaname
                   JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = v.tablename
                   WHERE c.oid = m.oid OR c.oid IN (SELECT relid FROM pg_partition_ancestors(m.oid))
               ),
           -- ATTACH and DETACH rewrite the row in the catalog. So the table has been a partition of this or another table since
           -- its comment was written.
           'movedSinceMarked', NOT m.is_attached AND coalesce((
               SELECT bool_and(age(a.xmin) < age(d.xmin))
               FROM pg_description d
               JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum > 0 AND NOT a.attisdropped
               WHERE d.objoid = m.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
           ), false),
           'defaultChecks', CASE WHEN m.oid = t.partdefid THEN (
               SELECT json_agg(
                   json_build_object('name', con.conname, 'validated', con.convalidated)
                   ORDER BY con.conname
               )
               FROM pg_constraint con
               WHERE con.conrelid = m.oid AND con.contype = 'c'
                 AND starts_with(con.conname, $9::text)
           ) END,
           'referencedBy', (
               SELECT coalesce(json_agg(DISTINCT jsonb_build_array(n.nspname, c.relname)), '[]')
               FROM pg_depend d
               JOIN pg_constraint con ON con.oid = d.objid AND con.contype = 'f' AND con.confrelid = m.oid
               JOIN pg_class c ON c.oid = con.conrelid
               JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
                 AND d.classid = 'pg_constraint'::regclass
                 -- The others follow from one that leads to the table, or to this one.
                 AND NOT EXISTS (
                     SELECT FROM pg_constraint above
                     WHERE above.oid = con.conparentid AND above.confrelid IN (t.oid, m.oid)
                 )
           ),
           'publications', (
               SELECT coalesce(json_agg(json_build_object(
                   'name', p.pubname,
                   'owned', pg_has_role(t.relowner, p.pubowner, 'USAGE')
               ) ORDER BY p.pubname), '[]')
               FROM pg_publication_rel r
               JOIN pg_publication p ON p.oid = r.prpubid
               WHERE r.prrelid = m.oid
           ),
           -- What may be dropped goes with what belongs to it: indexes, constraints, owned sequences. What depends on
           -- any of these otherwise forbids it: views, functions, columns of its row type, foreign keys.
           'dependents', CASE WHEN NOT m.is_attached OR m.oid = t.partdefid THEN (
               WITH RECURSIVE own (classid, objid) AS (
                   SELECT k.classid, k.objid
                   FROM (VALUES ('pg_class'::regclass::oid, m.oid)) AS k (classid, objid)
                   UNION
                   SELECT d.classid, d.objid
                   FROM own o
                   JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid
                   WHERE d.deptype IN ('a', 'i', 'P', 'S') AND d.objsubid = 0
               )
               SELECT coalesce(json_agg(DISTINCT description), '[]')
               FROM (
                   SELECT CASE WHEN w.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                               ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END AS description
                   FROM own o
                   JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype = 'n'
                   LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
                   WHERE NOT EXISTS (SELECT FROM own e WHERE e.classid = d.classid AND e.objid = d.objid)
                     -- A foreign key to the table has a constraint for each partition on 14. A detach drops it.
                     AND NOT (m.is_attached AND d.classid = 'pg_constraint'::regclass AND EXISTS (
                         SELECT FROM pg_constraint con
                         WHERE con.oid = d.objid AND con.contype = 'f' AND con.conparentid <> 0
                     ))
                   UNION ALL
                   SELECT pg_describe_object(d.refclassid, d.refobjid, 0)
                   FROM pg_depend d
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = m.oid AND d.deptype = 'e'
                   LIMIT 20
               ) AS dependents
           ) ELSE '[]' END,
           'blockedBy', CASE WHEN m.inhdetachpending THEN (
               -- Every role can see holders of locks. Only members of pg_read_all_stats can see snapshots of other
               -- roles; without that, the wait for them is short.
               SELECT coalesce(json_agg(json_build_object(
                   'pid', a.pid, 'gid', a.gid, 'role', a.usename, 'application', a.application_name
               ) ORDER BY a.pid, a.gid), '[]')
               FROM (
                   SELECT a.pid, NULL AS gid, a.usename, a.application_name
                   FROM pg_stat_activity a
                   WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND (
                       -- A transaction that has just begun ends soon and is followed by others: waiting for all would never end.
                       coalesce(a.xact_start < clock_timestamp() - interval '2 s', true) AND a.pid IN (
                           SELECT l.pid FROM pg_locks l
                           WHERE l.locktype = 'relation' AND l.relation = m.oid AND l.granted
                             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       )
                       -- A transaction younger than the detach ends soon, or lasts longer than a run retries.
                       OR (age(a.backend_xmin) >= m.transactions_since
                           OR a.backend_xmin IS NOT NULL AND a.xact_start < clock_timestamp() - interval '30 s')
                          AND a.backend_type = 'client backend'
                          AND a.pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
                          -- Postgres does not wait for a concurrent build of an index without condition and expression.
                          AND a.pid NOT IN (
                              SELECT b.pid
                              FROM pg_stat_progress_create_index b
                              JOIN pg_index x ON x.indexrelid = b.index_relid
                              WHERE b.datname = current_database() AND b.command = 'CREATE INDEX CONCURRENTLY'
                                AND x.indpred IS NULL AND x.indexprs IS NULL
                          )
                   )
                   UNION ALL
                   -- A prepared transaction has locks and no process. It has no snapshot either.
                   SELECT NULL, x.gid, x.owner, NULL
                   FROM pg_prepared_xacts x
                   WHERE x.database = current_database()
                     AND x.prepared < clock_timestamp() - interval '2 s'
                     AND EXISTS (
                         SELECT FROM pg_locks l
                         -- The lock on its own transaction ID shows the virtual transaction ID of its other locks.
                         JOIN pg_locks o USING (virtualtransaction)
                         WHERE o.pid IS NULL AND o.locktype = 'transactionid' AND o.transactionid = x.transaction
                           AND l.pid IS NULL AND l.locktype = 'relation' AND l.relation = m.oid AND l.granted
                           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     )
               ) a
           ) ELSE '[]' END,
           'triggers', CASE WHEN m.oid = t.partdefid THEN (
               SELECT coalesce(json_agg(json_build_object('name', g.tgname, 'enabled', g.tgenabled)
                      ORDER BY g.tgname), '[]')
               FROM pg_trigger g
               LEFT JOIN pg_constraint con ON con.oid = g.tgconstraint
               -- In Postgres 14, a trigger that the partition gets from its table is internal.
               WHERE g.tgrelid = m.oid AND (con.oid IS NULL OR con.contype = 't')
                 AND g.tgenabled <> 'D'
           ) ELSE '[]' END,
           'boundsCheck', coalesce((
               SELECT CASE WHEN bool_or(con.convalidated) THEN 'validated' WHEN count(*) > 0 THEN 'notValid' END
               FROM pg_constraint con
               WHERE (NOT m.is_attached OR m.is_expired) AND con.conrelid = m.oid AND con.conname = ANY ($5::name[])
                 AND con.contype = 'c'
                 -- A constraint of before the table became a partition itself says too little of its rows.
                 AND (NOT t.relispartition OR strpos(
                     pg_get_constraintdef(con.oid), pg_get_partition_constraintdef(t.oid)
                 ) > 0)
           ), 'absent')
       )::text END
FROM target t
JOIN members m ON true
