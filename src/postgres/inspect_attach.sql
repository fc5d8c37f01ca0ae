-- State of a conversion by Attach as one row of JSON: see `Attachment` in observed/attachment.rs. inspect_attach.rs
-- writes the query `stranded` before it.
-- $1 plain table, $2 partitioned table, $3 name of the index with the key of the partitioned table, $4 name of the index with
-- the own key, $5 names that the check of the bounds can have, $6 the type that it compares, or NULL.
--
-- It reads the catalog only, and waits for ACCESS SHARE on the two tables.
indexes AS MATERIALIZED (
    SELECT x.indrelid, x.indexrelid, c.relname, x.indisvalid, con.contype, pg_get_constraintdef(con.oid) AS of_constraint,
           substr(pg_get_indexdef(x.indexrelid), 1 + length(format(
               'CREATE %sINDEX %I ON %s%I.%I USING ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, c.relname,
               CASE c.relkind WHEN 'I' THEN 'ONLY ' END, n.nspname, t.relname
           ))) AS definition
    FROM pg_index AS x
    JOIN pg_class AS c ON c.oid = x.indexrelid
    JOIN pg_class AS t ON t.oid = x.indrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    LEFT JOIN pg_constraint AS con ON con.conindid = x.indexrelid AND con.conrelid = x.indrelid AND con.contype IN ('p', 'u')
    WHERE x.indrelid IN ($1, $2) AND x.indisunique
),
-- The key that the plain table lacks. A primary key replaces its own key, which a rollback needs again.
lacked AS (
    SELECT i.definition, i.contype
    FROM indexes AS i
    WHERE i.indrelid = $2 AND i.contype IS NOT NULL AND NOT EXISTS (
        SELECT FROM indexes AS o
        WHERE o.indrelid = $1 AND o.contype = i.contype AND o.of_constraint = i.of_constraint
    )
),
needed AS (
    SELECT 1 AS place, $3::name AS name, l.definition FROM lacked AS l
    UNION ALL
    SELECT 2, $4::name, i.definition
    FROM lacked AS l
    JOIN indexes AS i ON i.indrelid = $1 AND i.contype = 'p'
    WHERE l.contype = 'p'
),
of_key AS (
    SELECT quote_ident(a.attname) AS name, t.name AS type_name,
           CASE y.typtype WHEN 'd' THEN format('(%I)::%s', a.attname, t.name) ELSE quote_ident(a.attname) END AS compared
    FROM pg_partitioned_table AS p
    JOIN pg_attribute AS a ON a.attrelid = $2 AND a.attnum = p.partattrs[0]
    JOIN pg_type AS y ON y.oid = a.atttypid
    CROSS JOIN LATERAL (SELECT to_regtype($6::text)::text AS name) AS t
    WHERE p.partrelid = $2
),
-- The check of the bounds, and the literals in it.
checks AS MATERIALIZED (
    SELECT con.convalidated, e.condition,
           regexp_match(e.condition, '>= ''([^'']*)''::.* < ''([^'']*)''::') AS bounds
    FROM pg_constraint AS con
    CROSS JOIN LATERAL (SELECT pg_get_expr(con.conbin, con.conrelid) AS condition) AS e
    WHERE con.conrelid = $1 AND con.contype = 'c' AND con.conname = ANY ($5::name[])
)
SELECT json_build_object(
           'keys', (
               SELECT coalesce(json_agg(json_build_object('name', k.name, 'definition', k.definition, 'state', CASE
                   WHEN i.relname IS NULL THEN 'missing'
                   WHEN EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid) THEN 'building'
                   WHEN i.indisvalid AND i.definition = k.definition THEN 'valid'
                   ELSE 'unusable' END) ORDER BY k.place), '[]')
               FROM needed AS k
               LEFT JOIN indexes AS i ON i.indrelid = $1 AND i.relname = k.name
           ),
           'bounds', coalesce((
               SELECT CASE WHEN bool_and(c.convalidated) THEN 'validated' ELSE 'notValid' END FROM checks AS c HAVING count(*) > 0
           ), 'absent'),
           -- Only a check that the operator added has bounds, regardless of its name.
           'checked', (
               SELECT json_build_array(c.bounds[1], c.bounds[2])
               FROM checks AS c
               CROSS JOIN of_key AS k
               WHERE (SELECT count(*) FROM checks) = 1 AND c.condition = format(
                   '((%1$s IS NOT NULL) AND (%2$s >= %4$L::%3$s) AND (%2$s < %5$L::%3$s))',
                   k.name, k.compared, k.type_name, c.bounds[1], c.bounds[2])
           ),
           'views', (
               SELECT coalesce(json_agg(DISTINCT jsonb_build_object('schema', n.nspname, 'name', v.relname)), '[]')
               FROM pg_class AS t
               JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
                   AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n'
               JOIN pg_rewrite AS w ON w.oid = d.objid
               JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = 'v' AND v.relowner = t.relowner
               JOIN pg_namespace AS n ON n.oid = v.relnamespace
               WHERE t.oid = $2
           ),
           'stranded', (
               SELECT coalesce(json_agg(s.description ORDER BY s.description), '[]')
               FROM (SELECT * FROM stranded ORDER BY description LIMIT 10) AS s
               WHERE EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = $1 AND i.inhparent = $2)
           ),
           -- ANALYZE of an empty table gathers nothing.
           'analyzed', EXISTS (
               SELECT FROM pg_class AS c
               JOIN pg_class AS s ON s.oid = $1
               WHERE c.oid = $2 AND (c.reltuples > 0 OR c.reltuples = 0 AND s.reltuples = 0)
           )
       )::text AS attachment
