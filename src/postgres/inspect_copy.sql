-- Continues sides.sql and differences.sql: differences between the two tables of a conversion, as one row of JSON. See
-- `CopyDifferences` in observed/copy.rs. $1 to $6 are those of sides.sql, $7 the columns of the key of the source.
--
-- It is one statement, so one snapshot, and reads the catalog only. It waits for a lock of another session on one of the
-- two tables only if that lock is ACCESS EXCLUSIVE: a session waits a second for it at most.
, indexes AS MATERIALIZED (
    SELECT x.indrelid = $1 AS is_source, c.relname, x.indexrelid, x.indisunique, x.indisprimary, x.indisvalid, c.reltablespace,
           c.reloptions,
           -- The columns of a key, or of an exclusion constraint those that it compares by equality.
           ARRAY(
               SELECT a.attname
               FROM unnest(x.indkey[0:x.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, at)
               JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
               WHERE NOT x.indisexclusion OR EXISTS (
                   SELECT FROM pg_operator AS o WHERE o.oid = con.conexclop[k.at] AND o.oprname = '='
               )
           ) AS key,
           x.indisexclusion, x.indpred IS NULL AND x.indexprs IS NULL AS is_whole,
           CASE WHEN con.oid IS NOT NULL THEN pg_get_constraintdef(con.oid) END AS constraint_definition,
           pg_get_indexdef(x.indexrelid) AS definition,
           length(format('CREATE %sINDEX %I ON %s%I.%I USING ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, c.relname,
                         CASE s.relkind WHEN 'p' THEN 'ONLY ' END, n.nspname, s.relname)) AS prefix
    FROM side AS s
    JOIN pg_namespace AS n ON n.oid = s.relnamespace
    JOIN pg_index AS x ON x.indrelid = s.oid AND x.indislive
    JOIN pg_class AS c ON c.oid = x.indexrelid
    LEFT JOIN pg_constraint AS con ON con.conindid = x.indexrelid AND con.conrelid = s.oid AND con.contype IN ('p', 'u', 'x')
),
-- Indexes that the copy can have. A unique index needs the partition columns, and the key of the copy is in place of
-- that of the source.
wanted AS MATERIALIZED (
    SELECT i.*, substr(i.definition, i.prefix + 1) AS shape, equivalent.relname AS equivalent, coalesce(equivalent.indisvalid, false) AS has_equivalent
    FROM indexes AS i
    LEFT JOIN LATERAL (
        SELECT t.relname, t.indisvalid
        FROM indexes AS t
        WHERE NOT t.is_source AND t.indisunique = i.indisunique AND t.indisexclusion = i.indisexclusion
          AND substr(t.definition, t.prefix + 1) = substr(i.definition, i.prefix + 1)
        ORDER BY t.indisvalid DESC, t.relname
        LIMIT 1
    ) AS equivalent ON true
    WHERE i.is_source AND i.indisvalid
      AND NOT (i.indisunique AND NOT i.indisexclusion AND i.is_whole AND i.key @> $7::name[] AND i.key <@ $7::name[])
      AND (NOT i.indisunique AND NOT i.indisexclusion OR i.key @> ARRAY(
          SELECT a.attname
          FROM pg_partitioned_table AS p
          JOIN pg_attribute AS a ON a.attrelid = $2 AND a.attnum = ANY (p.partattrs)
          WHERE p.partrelid = $2
      ))
      AND (NOT i.indisexclusion OR i.indisunique OR current_setting('server_version_num')::int >= 170000)
)
SELECT json_build_object(
           'columns', (
               SELECT coalesce(json_agg(json_build_object(
                          'name', k.name, 'change', k.how, 'obstacle', k.reason) ORDER BY k.place, k.name), '[]')
               FROM columns AS k
           ),
           'properties', (
               SELECT coalesce(json_agg(DISTINCT jsonb_build_object(
                          'property', p.kind, 'object', left(p.object, 300), 'followed', p.followed)), '[]')
               FROM (
                   SELECT u.kind, u.object, u.command IS NOT NULL AS followed
                   FROM unequal AS u
                   WHERE u.command IS NOT NULL OR u.refuse
                   UNION ALL
                   -- They cannot be built concurrently.
                   SELECT 'exclusion', i.relname, false
                   FROM wanted AS i
                   WHERE i.indisexclusion AND NOT i.has_equivalent
               ) AS p
           ),
           'notValid', (
               SELECT coalesce(json_agg(DISTINCT con.conname), '[]')
               FROM pg_constraint AS con
               WHERE (con.conrelid = $2 AND con.contype IN ('c', 'n', 'f')
                      OR con.contype = 'f' AND con.conrelid IN (SELECT l.oid FROM leaves AS l))
                 AND NOT con.convalidated AND pg_get_constraintdef(con.oid) LIKE '% NOT VALID'
           ),
           'indexes', (
               SELECT coalesce(json_agg(json_build_object(
                          'name', i.relname,
                          'equivalent', i.equivalent,
                          'unique', i.indisunique,
                          'definition', i.shape,
                          'constraint', i.constraint_definition,
                          'settings', json_build_object(
                              'tablespace', (SELECT t.spcname FROM pg_tablespace AS t WHERE t.oid = i.reltablespace),
                              'parameters', coalesce(to_json(i.reloptions), '[]'),
                              'statistics', (
                                  SELECT coalesce(json_agg(json_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum), '[]')
                                  FROM pg_attribute AS a
                                  WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0
                              )
                          )) ORDER BY i.relname), '[]')
               FROM wanted AS i
               WHERE NOT i.has_equivalent AND NOT i.indisexclusion
           ),
           'storage', (SELECT coalesce(to_json(c.reloptions), '[]') FROM pg_class AS c WHERE c.oid IN ($1, $2) AND c.relkind = 'r'),
           'accessMethod', (
               SELECT m.amname
               FROM pg_class AS c
               JOIN pg_am AS m ON m.oid = c.relam
               WHERE c.oid IN ($1, $2) AND c.relkind = 'r' AND m.amname <> current_setting('default_table_access_method')
           )
       )::text AS differences
FROM copy AS c
JOIN side AS s ON s.is_source
