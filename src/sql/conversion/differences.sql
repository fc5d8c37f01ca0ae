alterations AS MATERIALIZED (
    SELECT k.is_source, 20 AS place, 'notNull' AS kind, k.attname::text AS object, '' AS definition,
           CASE WHEN i.convalidated THEN format('ALTER COLUMN %1$I SET NOT NULL; ALTER TABLE %2$s DROP CONSTRAINT %3$I',
                                                k.attname, c.name, i.conname)
                WHEN i.conname IS NULL THEN format('ADD CONSTRAINT %I CHECK (%I IS NOT NULL) NOT VALID',
                                                   'pgpartition_not_null_' || p.attnum, k.attname) END AS make,
           CASE WHEN p.attnum NOT IN (SELECT in_key.attnum FROM in_key)
                THEN format('ALTER COLUMN %I DROP NOT NULL', k.attname) END AS undo,
           NOT k.is_source AS refuse
    FROM cols AS k
    CROSS JOIN copy AS c
    JOIN cols AS p ON p.attname = k.attname AND NOT p.is_source
    LEFT JOIN stand_ins AS i ON i.attnum = p.attnum
    WHERE k.attnotnull AND k.attname IN (SELECT o.attname FROM paired AS o)
    UNION ALL
    SELECT false, 20, 'notNull', k.attname, 'not validated', NULL, format('DROP CONSTRAINT %I', i.conname), true
    FROM stand_ins AS i
    JOIN cols AS k ON k.attnum = i.attnum AND NOT k.is_source
    JOIN cols AS s ON s.attname = k.attname AND s.is_source AND NOT s.attnotnull
    UNION ALL
    SELECT k.is_source, 22, 'default', k.attname, k.expression,
           format('ALTER COLUMN %I SET DEFAULT %s', k.attname, k.expression),
           format('ALTER COLUMN %I DROP DEFAULT', k.attname), true
    FROM cols AS k
    WHERE k.attgenerated = '' AND k.expression IS NOT NULL AND k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    SELECT k.is_source, 24, 'generated', k.attname, concat(k.attgenerated, k.expression),
           CASE WHEN k.attgenerated = 'v' AND p.attgenerated = 'v'
                THEN format('ALTER COLUMN %I SET EXPRESSION AS (%s)', k.attname, k.expression) END,
           CASE WHEN k.attgenerated = 's' AND p.attgenerated = ''
                THEN format('ALTER COLUMN %I DROP EXPRESSION', k.attname) END, p.attgenerated <> k.attgenerated OR k.is_source
    FROM cols AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    WHERE k.attgenerated <> ''
    UNION ALL
    SELECT k.is_source, 26, 'identity', k.attname, concat(k.generated, k.options),
           -- An identity column must first be NOT NULL.
           CASE WHEN NOT p.attnotnull THEN NULL
                WHEN p.attidentity = ''
                THEN format('ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (%s)', k.attname, k.generated, k.options)
                ELSE format('ALTER COLUMN %I SET GENERATED %s SET %s', k.attname, k.generated, regexp_replace(
                    k.options, ' (INCREMENT|MINVALUE|MAXVALUE|CACHE|NO CYCLE|CYCLE)', ' SET \1', 'g')) END,
           CASE WHEN p.attidentity = '' THEN format('ALTER COLUMN %I DROP IDENTITY', k.attname) END, false
    FROM sequences AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    UNION ALL
    SELECT k.is_source, 28, 'storage', k.attname, concat(k.attstorage, k.attcompression),
           concat_ws(', ', format('ALTER COLUMN %I SET STORAGE %s', k.attname, CASE k.attstorage
                         WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END),
                     CASE WHEN k.attcompression <> p.attcompression
                          THEN format('ALTER COLUMN %I SET COMPRESSION %s', k.attname, CASE k.attcompression
                              WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'default' END) END), NULL, false
    FROM cols AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    UNION ALL
    SELECT k.is_source, 40, 'statistics', k.attname, k.target::text,
           format('ALTER COLUMN %I SET STATISTICS %s', k.attname, k.target),
           format('ALTER COLUMN %I SET STATISTICS -1', k.attname), true
    FROM cols AS k
    WHERE k.target <> -1 AND k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    -- ANALYZE of a partitioned table uses n_distinct_inherited.
    SELECT k.is_source, 41, 'statistics', k.attname, o.option, format('ALTER COLUMN %I SET (%s)', k.attname, o.option),
           format('ALTER COLUMN %I RESET (%s)', k.attname, split_part(o.option, '=', 1)), true
    FROM cols AS k
    CROSS JOIN copy AS c
    CROSS JOIN LATERAL (
        SELECT o.option FROM unnest(k.attoptions) AS o (option)
        -- The plain table does not get options that the partitioned table has only because of its n_distinct.
        WHERE NOT (c.relkind = 'r' AND k.attoptions @> ARRAY[replace(o.option, 'n_distinct_inherited=', 'n_distinct=')]
                   AND o.option LIKE 'n\_distinct\_inherited=%' AND NOT EXISTS (
                       SELECT FROM cols AS p
                       WHERE NOT p.is_source AND p.attname = k.attname AND p.attoptions::text LIKE '%n\_distinct\_inherited=%'))
        UNION
        SELECT replace(o.option, 'n_distinct=', 'n_distinct_inherited=') FROM unnest(k.attoptions) AS o (option)
        WHERE k.is_source AND c.relkind = 'p' AND k.attoptions::text NOT LIKE '%n\_distinct\_inherited=%'
    ) AS o
    WHERE k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    SELECT k.is_source, 50, CASE k.contype WHEN 'c' THEN 'check' ELSE 'foreignKey' END, k.conname, k.definition,
           -- Rows of the source can violate a constraint that is not valid. Before Postgres 18, a foreign key of a partitioned
           -- table cannot be NOT VALID. If each partition has a valid one, Postgres reads no row.
           CASE WHEN k.definition LIKE '% NOT VALID' OR k.is_of_row THEN NULL
                WHEN k.contype = 'c' OR $3 OR c.relkind = 'r' OR NOT EXISTS (
                    SELECT FROM leaves AS l
                    WHERE NOT EXISTS (
                        SELECT FROM leaf_keys AS o
                        WHERE o.oid = l.oid AND o.convalidated AND o.conname = k.conname AND o.definition = k.definition
                    )
                )
                THEN format('ADD CONSTRAINT %I %s%s', k.conname, k.definition, CASE
                    WHEN $3 OR k.definition LIKE '%NOT ENFORCED' OR k.contype = 'f' AND c.relkind = 'p' THEN ''
                    ELSE ' NOT VALID' END) END,
           format('DROP CONSTRAINT %I', k.conname),
           k.is_source AND (k.contype = 'c' OR k.definition LIKE '% NOT VALID' OR EXISTS (
               SELECT FROM leaves AS l WHERE NOT l.is_table
           ))
    FROM constraints AS k
    CROSS JOIN copy AS c
    UNION ALL
    SELECT s.is_source, 60, 'rowSecurity', '', '', 'ENABLE ROW LEVEL SECURITY', 'DISABLE ROW LEVEL SECURITY', true
    FROM side AS s
    WHERE s.relrowsecurity
    UNION ALL
    SELECT s.is_source, 70, 'replicaIdentity', '', s.relreplident::text,
           'REPLICA IDENTITY ' || CASE s.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'd' THEN 'DEFAULT'
               ELSE 'USING INDEX ' || (
                   SELECT quote_ident(c.relname)
                   FROM pg_index AS x
                   JOIN pg_class AS c ON c.oid = x.indexrelid
                   WHERE x.indrelid = $2 AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
                     AND x.indexprs IS NULL AND (SELECT bool_and(a.attnotnull) FROM pg_attribute AS a
                                                 WHERE a.attrelid = $2 AND a.attnum = ANY (x.indkey[0:x.indnkeyatts - 1]))
                   ORDER BY x.indisprimary, x.indexrelid
                   LIMIT 1
               ) END, NULL, false
    FROM side AS s
    UNION ALL
    -- Postgres would rewrite the plain table.
    SELECT s.is_source, 72, 'tablespace', '', t.spcname,
           CASE WHEN c.relkind = 'p' THEN format('SET TABLESPACE %I', t.spcname) END, NULL, s.is_source AND c.relkind = 'r'
    FROM side AS s
    CROSS JOIN copy AS c
    JOIN pg_database AS d ON d.datname = current_database()
    JOIN pg_tablespace AS t ON t.oid = CASE s.reltablespace WHEN 0 THEN d.dattablespace ELSE s.reltablespace END
    UNION ALL
    -- Before Postgres 17, a partitioned table has no access method.
    SELECT s.is_source, 74, 'accessMethod', '', coalesce(m.amname, current_setting('default_table_access_method')),
           CASE WHEN c.relkind = 'p' THEN 'SET ACCESS METHOD ' || quote_ident(m.amname) END, NULL,
           s.is_source AND c.relkind = 'r'
    FROM side AS s
    CROSS JOIN copy AS c
    LEFT JOIN pg_am AS m ON m.oid = s.relam
    WHERE current_setting('server_version_num')::int >= 170000
    UNION ALL
    SELECT s.is_source, 76, 'owner', '', pg_get_userbyid(s.relowner), NULL, NULL, s.is_source
    FROM side AS s
),
others AS MATERIALIZED (
    SELECT true AS is_source, 50 AS place, 'foreignKey' AS kind, k.conname::text AS object,
           concat(k.definition, ' ', l.name) AS definition,
           concat((
               SELECT format('ALTER TABLE %s DROP CONSTRAINT %I; ', l.name, o.conname)
               FROM leaf_keys AS o WHERE o.oid = l.oid AND o.conname = k.conname
           ), format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', l.name, k.conname, k.definition)) AS make,
           NULL AS undo, false AS refuse
    FROM constraints AS k
    JOIN leaves AS l ON l.is_table
    WHERE NOT $3 AND k.is_source AND k.contype = 'f' AND k.definition NOT LIKE '% NOT VALID' AND NOT EXISTS (
        SELECT FROM leaf_keys AS o WHERE o.oid = l.oid AND o.conname = k.conname AND o.definition = k.definition
    ) AND NOT EXISTS (
        SELECT FROM constraints AS o WHERE NOT o.is_source AND o.conname = k.conname AND o.definition = k.definition
    )
    UNION ALL
    SELECT false, 51, 'foreignKey', o.conname, concat(o.definition, ' ', o.name), NULL,
           format('ALTER TABLE %s DROP CONSTRAINT %I', o.name, o.conname), false
    FROM leaf_keys AS o
    WHERE NOT EXISTS (SELECT FROM constraints AS k WHERE k.is_source AND k.conname = o.conname)
    UNION ALL
    SELECT k.is_source, 42, 'statistics', '', k.definition,
           format('CREATE STATISTICS %I.%I %s FROM %s', n.nspname, CASE
               WHEN octet_length(named.name) < 64 AND NOT EXISTS (
                   SELECT FROM pg_statistic_ext AS x WHERE x.stxnamespace = n.oid AND x.stxname = named.name
               ) THEN named.name
               ELSE 'pgpartition_statistics_' || k.oid END, k.definition, c.name),
           format('DROP STATISTICS %s', k.name), false
    FROM statistics AS k
    CROSS JOIN copy AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN side AS s ON s.is_source
    CROSS JOIN LATERAL (
        SELECT concat(c.relname, '_', CASE WHEN starts_with(k.stxname, s.relname || '_')
                                           THEN right(k.stxname, -1 - length(s.relname)) ELSE k.stxname END) AS name
    ) AS named
    UNION ALL
    SELECT k.is_source, 43, 'statistics', k.definition, k.target::text,
           format('ALTER STATISTICS %s SET STATISTICS %s', p.name, k.target), NULL, false
    FROM statistics AS k
    JOIN statistics AS p ON p.definition = k.definition AND NOT p.is_source
    UNION ALL
    SELECT k.is_source, 62, 'policy', k.polname, k.definition,
           CASE WHEN NOT k.names_source THEN format('CREATE POLICY %I ON %s%s', k.polname, c.name, k.definition) END,
           -- A restrictive policy that could not be created again stays.
           CASE WHEN k.polname NOT IN (SELECT p.polname FROM policies AS p WHERE p.is_source AND p.names_source)
                THEN format('DROP POLICY %I ON %s', k.polname, c.name) END, k.names_source
    FROM policies AS k
    CROSS JOIN copy AS c
    UNION ALL
    SELECT k.is_source, 64, 'grant', concat(k."on", ' ', k.grantee), concat(k.privilege, k.is_grantable),
           format('GRANT %s ON %s TO %s%s', k.privilege, k."on", k.grantee,
                  CASE WHEN k.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END),
           format('REVOKE %s ON %s FROM %s CASCADE', k.privilege, k."on", k.grantee), false
    FROM grants AS k
    UNION ALL
    SELECT k.is_source, 90, 'comment', k."on", k.text,
           format('COMMENT ON %s IS %L', k."on", concat_ws(E'\n', k.marks, k.text)),
           format('COMMENT ON %s IS %L', k."on", k.marks), false
    FROM comments AS k
    WHERE k.text IS NOT NULL
),
properties AS MATERIALIZED (
    SELECT a.is_source, a.place, a.kind, a.object, a.definition, 'ALTER TABLE ' || c.name || ' ' || a.make AS make,
           'ALTER TABLE ' || c.name || ' ' || a.undo AS undo, a.refuse
    FROM alterations AS a
    CROSS JOIN copy AS c
    UNION ALL
    SELECT * FROM others
),
-- Postgres can deparse an expression differently from its original text. The last line of the mark has digests of such
-- pairs of definitions.
same AS MATERIALIZED (
    SELECT d.digest
    FROM copy AS c
    CROSS JOIN unnest(string_to_array(obj_description(c.oid, 'pg_class'), E'\n')) AS l (line)
    CROSS JOIN unnest(string_to_array(l.line, ' ')) AS d (digest)
    WHERE starts_with(l.line, 'pgpartition.dev same ')
),
pairs AS MATERIALIZED (
    SELECT s.kind, s.object, s.definition, c.definition AS copied, left(encode(sha256(convert_to(
               concat_ws(E'\n', s.kind, s.object, least(s.definition, c.definition COLLATE "C"),
                         greatest(s.definition, c.definition COLLATE "C")), 'UTF8')), 'hex'), 16) AS digest
    FROM properties AS s
    JOIN properties AS c ON NOT c.is_source AND c.kind = s.kind AND c.object = s.object
    WHERE s.is_source
),
columns AS MATERIALIZED (
    -- A user changes the columns of the plain table like those of the serving table.
    SELECT k.place, k.how, k.name, coalesce(k.reason, CASE WHEN f.relkind = 'r' THEN 'afterCutover' END) AS reason, k.action
    FROM copy AS f
    CROSS JOIN (
        SELECT 1 AS place, 'renamed' AS how, r.new AS name, NULL AS reason, NULL AS action
        FROM renamed AS r
        UNION ALL
        SELECT 2, 'dropped', k.attname, CASE WHEN k.attnum IN (SELECT i.attnum FROM in_key AS i) THEN 'inKey' END,
               format('DROP COLUMN %I', k.attname)
        FROM cols AS k
        WHERE NOT k.is_source AND k.attname NOT IN (SELECT p.attname FROM paired AS p)
        UNION ALL
        SELECT 3, 'added', k.attname, CASE WHEN k.attgenerated = 's' THEN 'stored' WHEN k.has_condition THEN 'domain' END,
               format('ADD COLUMN %I %s%s', k.attname, k.type, CASE k.attgenerated
                   WHEN 'v' THEN format(' GENERATED ALWAYS AS (%s) VIRTUAL', k.expression)
                   ELSE CASE WHEN k.missing IS NOT NULL THEN format(' DEFAULT %L::%s%s', k.missing, k.type, CASE WHEN k.attnotnull
                       THEN k.not_null END) END END)
        FROM cols AS k
        WHERE k.is_source AND k.attname NOT IN (SELECT p.attname FROM paired AS p)
        UNION ALL
        SELECT 4, 'retyped', p.attname, 'retyped', NULL
        FROM paired AS p
        WHERE p.is_retyped
    ) AS k
),
unequal AS MATERIALIZED (
    SELECT p.place * CASE WHEN p.is_source THEN 1 ELSE -1 END AS place, p.kind, p.object, p.refuse,
           CASE WHEN NOT p.is_source THEN p.undo
                -- A definition can use a column that the copy cannot get.
                WHEN NOT EXISTS (SELECT FROM columns AS k WHERE k.how = 'added' AND k.reason IS NOT NULL) THEN p.make
           END AS command
    FROM properties AS p
    WHERE p.definition IS NOT NULL AND NOT EXISTS (
        SELECT FROM pairs AS o
        WHERE o.kind = p.kind AND o.object = p.object
          AND CASE WHEN p.is_source THEN o.definition ELSE o.copied END = p.definition
          AND (o.definition = o.copied OR o.digest IN (SELECT s.digest FROM same AS s))
    )
),
commands AS MATERIALIZED (
    SELECT k.place, format('ALTER TABLE %s %s', c.name, k.action) AS command
    FROM columns AS k
    CROSS JOIN copy AS c
    WHERE k.reason IS NULL AND NOT EXISTS (SELECT FROM renamed AS r)
    UNION ALL
    -- Renames go through an unused name, because two columns can have exchanged names.
    SELECT n.place, format('ALTER TABLE %s RENAME COLUMN %I TO %I', c.name, n.old, n.new)
    FROM renamed AS r
    CROSS JOIN copy AS c
    CROSS JOIN LATERAL (VALUES
        (0, r.old, 'pgpartition_renamed_' || r.number), (1, 'pgpartition_renamed_' || r.number, r.new)
    ) AS n (place, old, new)
    UNION ALL
    -- Definitions contain column names: they are compared again with the new names.
    SELECT u.place, u.command
    FROM unequal AS u
    WHERE u.command IS NOT NULL AND NOT EXISTS (SELECT FROM renamed AS r)
)
