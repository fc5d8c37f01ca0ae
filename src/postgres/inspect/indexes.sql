-- A row for each index of the table, and of each relation in the rows of partitions.sql.
SELECT 'index',
       x.indrelid, NULL, ic.relname, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       parent.relname, x.indisvalid, NULL,
       -- An index attached to a parent index is equal to it and needs no further properties.
       CASE WHEN parent.relname IS NULL THEN json_build_object(
           'name', ic.relname,
           'valid', x.indisvalid,
           -- Every role can see the lock under which an index is built or dropped concurrently.
           'building', x.indrelid <> t.oid AND (
               x.indexrelid IN (SELECT index_relid FROM building)
               OR NOT x.indisvalid AND EXISTS (
                   SELECT FROM pg_locks l
                   WHERE l.locktype = 'relation' AND l.relation = x.indrelid AND l.granted
                     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_backend_pid()
               )
           ),
           'unique', x.indisunique,
           'exclusion', x.indisexclusion,
           'constraint', (
               SELECT left(pg_get_constraintdef(con.oid), 100001)
               FROM pg_constraint con
               WHERE con.conrelid = x.indrelid AND con.conindid = x.indexrelid
                 AND con.contype IN ('p', 'u', 'x')
           ),
           -- Foreign keys need no constraint where they lead: a unique index is enough.
           'dependents', CASE WHEN x.indisunique THEN (
               SELECT coalesce(json_agg(DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)), '[]')
               FROM pg_depend d
               WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indexrelid AND d.deptype = 'n'
           ) ELSE '[]' END,
           'comment', (
               SELECT left(description, 2000) FROM pg_description
               WHERE objoid = x.indexrelid AND classoid = 'pg_class'::regclass AND objsubid = 0
           ),
           -- What a resource can say about an index; nothing where the index is more than that.
           -- NULLS NOT DISTINCT is more.
           'shape', CASE WHEN NOT x.indisexclusion AND NOT (
               x.indisunique AND NOT x.indisprimary AND x.indnullsnotdistinct
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
                   'predicate', left(pg_get_expr(x.indpred, x.indrelid), 100001)
               )
               FROM unnest(x.indkey::int2[], x.indclass::oid[], x.indcollation::oid[], x.indoption::int2[])
                        WITH ORDINALITY AS k (attnum, opclass, collation_oid, option, position)
               LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
               HAVING bool_and(
                   k.attnum <> 0
                   AND (k.position > x.indnkeyatts
                        OR (SELECT opcdefault FROM pg_opclass WHERE oid = k.opclass)
                           AND (k.collation_oid = 0 OR k.collation_oid = a.attcollation))
               )
           ) END,
           'definition', left(pg_get_indexdef(x.indexrelid), 100001),
           -- What the functions that deparse indexes and constraints leave out.
           'settings', CASE WHEN x.indrelid = t.oid THEN json_build_object(
               'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = ic.reltablespace),
               'parameters', coalesce(to_json(ic.reloptions), '[]'),
               'statistics', (
                   SELECT coalesce(json_agg(json_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum), '[]')
                   FROM pg_attribute a
                   WHERE a.attrelid = x.indexrelid AND a.attstattarget >= 0
               )
           ) END
       )::text END
FROM target t
CROSS JOIN (SELECT oid FROM members UNION ALL SELECT oid FROM target) r
-- Postgres 14 has no such column; there the name refers to this one.
CROSS JOIN (SELECT false AS indnullsnotdistinct) before_15
CROSS JOIN LATERAL (
    SELECT indexrelid, indrelid, indkey, indclass, indcollation, indoption, indpred, indnkeyatts,
           indisvalid, indisunique, indisprimary, indisexclusion, indnullsnotdistinct
    FROM pg_index
    WHERE indrelid = r.oid AND indislive
) x
JOIN pg_class ic ON ic.oid = x.indexrelid
LEFT JOIN pg_inherits ii ON ii.inhrelid = x.indexrelid
-- The table has few indexes; looking each up again for every partition would take longer.
LEFT JOIN parents parent ON parent.indexrelid = ii.inhparent
