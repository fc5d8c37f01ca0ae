-- What a conversion by Attach depends on, as one row of JSON: see `Attachment` in observed/attachment.rs.
-- $1 plain table, $2 partitioned table, $3 name of the index with the key of the partitioned table, $4 name of the index with
-- the own key, $5 names that the check of the bounds can have.
--
-- It reads the catalog only, and waits for ACCESS SHARE on the two tables.
WITH indexes AS MATERIALIZED (
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
-- The key that the plain table lacks. A primary key takes the place of its own, which a rollback needs again.
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
               SELECT CASE WHEN con.convalidated THEN 'proven' ELSE 'stated' END
               FROM pg_constraint AS con
               WHERE con.conrelid = $1 AND con.contype = 'c' AND con.conname = ANY ($5::name[])
           ), 'absent'),
           'views', (
               SELECT coalesce(json_agg(DISTINCT jsonb_build_object('schema', n.nspname, 'name', v.relname)), '[]')
               FROM pg_class AS t
               JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
                   AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n'
               JOIN pg_rewrite AS w ON w.oid = d.objid
               JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = 'v' AND v.relowner = t.relowner
               JOIN pg_namespace AS n ON n.oid = v.relnamespace
               WHERE t.oid = $2
           )
       )::text AS attachment
