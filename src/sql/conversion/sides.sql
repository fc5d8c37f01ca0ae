-- Differences between the two tables of a conversion, and the commands that resolve them. The source is the serving table,
-- the copy the passive one: after the cutover, the copy is the plain table. A property has a kind, an object, and a
-- definition. A property that only the source has is created on the copy; one that only the copy has is removed.
-- $1 source, $2 copy, $3 whether the copy is new and empty, $4 names of the sync triggers, $5 columns that they were created
-- for, $6 names that the check of the bounds of a plain table can have.
--
-- The search path must be pg_catalog, so that deparsed names have their schemas. Each deparsing function briefly locks its
-- table in ACCESS SHARE mode.
WITH side AS MATERIALIZED (
    SELECT c.oid, c.oid = $1 AS is_source, c.relname, c.relnamespace, c.relowner, c.relacl, c.relrowsecurity,
           c.relreplident, c.reltablespace, c.relam, c.relkind
    FROM pg_class AS c
    WHERE c.oid IN ($1, $2)
),
copy AS MATERIALIZED (SELECT s.*, s.oid::regclass::text AS name FROM side AS s WHERE NOT s.is_source),
-- Columns renamed since the sync triggers were created: the triggers have the column numbers of $5.
renamed AS MATERIALIZED (
    SELECT DISTINCT c.attname AS old, s.attname AS new, s.attnum AS number
    FROM pg_trigger AS g
    CROSS JOIN unnest(g.tgattr::int2[], $5::name[]) AS k (attnum, known)
    JOIN pg_attribute AS s ON s.attrelid = $1 AND s.attnum = k.attnum AND s.attname <> k.known
    JOIN pg_attribute AS c ON c.attrelid = $2 AND c.attname = k.known AND c.atttypid = s.atttypid
        AND c.atttypmod = s.atttypmod AND c.attcollation = s.attcollation AND c.attgenerated = ''
    WHERE g.tgrelid = $1 AND g.tgname = ANY ($4) AND cardinality(g.tgattr::int2[]) = cardinality($5::name[])
),
-- Columns; those of the copy with their new names.
cols AS MATERIALIZED (
    SELECT s.is_source, a.attrelid, a.attnum, coalesce(r.new, a.attname) AS attname, a.attnotnull, a.attidentity, a.attgenerated, a.attstorage,
           a.attcompression, coalesce(a.attstattarget, -1) AS target, a.attoptions, a.attacl, t.typtype,
           format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
               AS type,
           pg_get_expr(d.adbin, d.adrelid) AS expression,
           -- Value in rows older than the column: an array of one element.
           CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END AS missing,
           coalesce(' CONSTRAINT ' || quote_ident(n.conname), '') || ' NOT NULL' AS not_null,
           t.typtype = 'd' AND (t.typnotnull OR base.typtype = 'd' OR EXISTS (
               SELECT FROM pg_constraint AS con WHERE con.contypid = t.oid
           )) AS has_condition
    FROM side AS s
    JOIN pg_attribute AS a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN renamed AS r ON r.old = a.attname AND NOT s.is_source
    LEFT JOIN pg_type AS base ON base.oid = t.typbasetype
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    -- Since Postgres 18.
    LEFT JOIN pg_constraint AS n ON n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum]
),
paired AS MATERIALIZED (
    SELECT s.attname, s.type <> c.type AS is_retyped, s AS source, c AS copy
    FROM cols AS s
    JOIN cols AS c ON c.attname = s.attname AND NOT c.is_source
    WHERE s.is_source
),
-- Whether each column has the same number on both sides. If so, an expression of the source can be deparsed for the copy,
-- whose name qualifies columns in subqueries.
numbers AS MATERIALIZED (
    SELECT bool_and(c.attnum IS NOT NULL) AS are_equal
    FROM cols AS s
    LEFT JOIN cols AS c ON c.attname = s.attname AND c.attnum = s.attnum AND NOT c.is_source
    WHERE s.is_source
),
-- Columns that the copy cannot drop or make nullable.
in_key AS MATERIALIZED (
    SELECT k.attnum
    FROM pg_partitioned_table AS p, unnest(p.partattrs) AS k (attnum)
    WHERE p.partrelid = $2
    UNION
    SELECT k.attnum
    FROM pg_index AS x, unnest(x.indkey) AS k (attnum)
    WHERE x.indrelid = $2 AND x.indisunique
),
-- Checks that replace NOT NULL until they are valid.
stand_ins AS MATERIALIZED (
    SELECT con.conname, con.convalidated, con.conkey[1] AS attnum
    FROM pg_constraint AS con
    WHERE con.conrelid = $2 AND con.contype = 'c' AND con.conname = 'pgpartition_not_null_' || con.conkey[1]
),
-- Partitions of the copy.
leaves AS MATERIALIZED (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind = 'r' AS is_table
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = $2
),
-- Foreign keys of single partitions of the copy: the copy gets each when all of them are valid.
leaf_keys AS MATERIALIZED (
    SELECT l.oid, l.name, con.conname, con.convalidated,
           regexp_replace(pg_get_constraintdef(con.oid), ' NOT VALID$', '') AS definition
    FROM leaves AS l
    JOIN pg_constraint AS con ON con.conrelid = l.oid AND con.contype = 'f' AND con.conparentid = 0
),
policies AS MATERIALIZED (
    SELECT s.is_source, p.polname,
           CASE WHEN p.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END
               || ' FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                           WHEN 'd' THEN 'DELETE' ELSE 'ALL' END
               || ' TO ' || (
                   SELECT string_agg(CASE r.oid WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.oid)) END, ', '
                                     ORDER BY r.oid)
                   FROM unnest(p.polroles) AS r (oid)
               )
               || coalesce(' USING (' || pg_get_expr(p.polqual, named.oid) || ')', '')
               || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, named.oid) || ')', '') AS definition,
           named.oid <> $2 AND concat(p.polqual, p.polwithcheck) LIKE '%{SUBLINK %' AS names_source
    FROM side AS s
    JOIN pg_policy AS p ON p.polrelid = s.oid
    CROSS JOIN numbers AS n
    CROSS JOIN LATERAL (SELECT CASE WHEN n.are_equal THEN $2 ELSE s.oid END AS oid) AS named
),
constraints AS MATERIALIZED (
    SELECT s.is_source, con.oid, con.conname, con.contype,
           -- Postgres rejects a check of the whole row (column 0) on a table with partitions.
           strpos(con.conbin::text, ':varattno 0 ') > 0 AS is_of_row,
           -- Its validity on the source does not matter for the copy, which validates its own check later.
           CASE WHEN s.is_source THEN pg_get_constraintdef(con.oid)
                ELSE regexp_replace(pg_get_constraintdef(con.oid), ' NOT VALID$', '') END AS definition
    FROM side AS s
    JOIN pg_constraint AS con ON con.conrelid = s.oid
    WHERE (con.contype = 'c' AND con.conname NOT IN (SELECT i.conname FROM stand_ins AS i)
           -- The bounds check that the operator adds to a plain table before an attach; an interrupted run can have left it.
           AND con.conname <> ALL ($6))
       OR (con.contype = 'f' AND con.conparentid = 0 AND con.confrelid NOT IN ($1, $2))
),
sequences AS MATERIALIZED (
    SELECT k.is_source, k.attname, k.type, q.seqrelid::regclass AS sequence,
           format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s', q.seqstart, q.seqincrement,
                  q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options,
           CASE k.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END AS generated
    FROM cols AS k
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = k.attrelid AND d.refobjsubid = k.attnum
        AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
    JOIN pg_sequence AS q ON q.seqrelid = d.objid
    WHERE k.attidentity <> ''
),
-- Privileges on the tables, their columns, and the sequences of identity columns.
granted AS (
    SELECT s.is_source, 'TABLE ' || c.name AS "on", s.relowner AS owner, '' AS columns, acl.*
    FROM side AS s
    CROSS JOIN copy AS c
    CROSS JOIN aclexplode(s.relacl) AS acl
    UNION ALL
    SELECT k.is_source, 'TABLE ' || c.name, s.relowner, format(' (%I)', k.attname), acl.*
    FROM side AS s
    JOIN cols AS k USING (is_source)
    CROSS JOIN copy AS c
    CROSS JOIN aclexplode(k.attacl) AS acl
    WHERE k.attname IN (SELECT p.attname FROM paired AS p)
    UNION ALL
    SELECT k.is_source, 'SEQUENCE ' || p.sequence, q.relowner, '', acl.*
    FROM sequences AS k
    JOIN sequences AS p ON p.attname = k.attname AND NOT p.is_source
    JOIN pg_class AS q ON q.oid = k.sequence
    CROSS JOIN aclexplode(q.relacl) AS acl
),
-- Several roles can have granted one privilege on the source. On the copy, the owner grants it.
grants AS (
    SELECT g.is_source, g."on", concat(g.privilege_type, g.columns) AS privilege, bool_or(g.is_grantable) AS is_grantable,
           CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END AS grantee
    FROM granted AS g
    LEFT JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE g.grantee <> g.owner AND (g.grantee = 0 OR r.oid IS NOT NULL) AND (g.is_source OR g.grantor = g.owner)
    GROUP BY 1, 2, 3, 5
),
statistics AS (
    SELECT s.is_source, x.oid, x.stxname, coalesce(x.target, -1) AS target,
           concat((
               SELECT '(' || string_agg(CASE k WHEN 'd' THEN 'ndistinct' WHEN 'f' THEN 'dependencies' ELSE 'mcv' END, ', '
                                        ORDER BY k) || ') '
               FROM unnest(x.stxkind) AS k WHERE k IN ('d', 'f', 'm')
           ), 'ON ', pg_get_statisticsobjdef_columns(x.oid)) AS definition,
           format('%I.%I', n.nspname, x.stxname) AS name
    FROM side AS s
    CROSS JOIN LATERAL (
        SELECT x.oid, x.stxname, x.stxkind, x.stxnamespace, x.stxstattarget AS target
        FROM pg_statistic_ext AS x
        WHERE x.stxrelid = s.oid
    ) AS x
    JOIN pg_namespace AS n ON n.oid = x.stxnamespace
),
-- Comments on constraints and policies that the copy has or gets.
comments AS (
    SELECT s.is_source, 'TABLE ' || c.name AS "on", (
               SELECT string_agg(l.line, E'\n' ORDER BY l.at)
               FROM unnest(string_to_array(d.description, E'\n')) WITH ORDINALITY AS l (line, at)
               WHERE NOT starts_with(l.line, 'pgpartition.dev ')
           ) AS text, (
               SELECT string_agg(l.line, E'\n' ORDER BY l.at)
               FROM unnest(string_to_array(obj_description(c.oid, 'pg_class'), E'\n')) WITH ORDINALITY AS l (line, at)
               WHERE starts_with(l.line, 'pgpartition.dev ')
           ) AS marks
    FROM side AS s
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = 'pg_class'::regclass AND d.objoid = s.oid AND d.objsubid = 0
    UNION ALL
    SELECT k.is_source, format('COLUMN %s.%I', c.name, k.attname), d.description, NULL
    FROM cols AS k
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = 'pg_class'::regclass AND d.objoid = k.attrelid AND d.objsubid = k.attnum
    WHERE k.attname IN (SELECT p.attname FROM paired AS p)
    UNION ALL
    SELECT k.is_source, format('CONSTRAINT %I ON %s', k.conname, c.name), d.description, NULL
    FROM constraints AS k
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid
    WHERE ($3 OR k.contype = 'c') AND k.definition NOT LIKE '% NOT VALID'
       OR k.conname IN (SELECT o.conname FROM constraints AS o WHERE NOT o.is_source)
    UNION ALL
    SELECT s.is_source, format('POLICY %I ON %s', p.polname, c.name), d.description, NULL
    FROM side AS s
    JOIN pg_policy AS p ON p.polrelid = s.oid
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = 'pg_policy'::regclass AND d.objoid = p.oid
    WHERE p.polname NOT IN (SELECT o.polname FROM policies AS o WHERE o.is_source AND o.names_source)
       OR p.polname IN (SELECT o.polname FROM policies AS o WHERE NOT o.is_source)
    UNION ALL
    SELECT k.is_source, 'STATISTICS ' || p.name, d.description, NULL
    FROM statistics AS k
    JOIN statistics AS p ON p.definition = k.definition AND NOT p.is_source
    JOIN pg_description AS d ON d.classoid = 'pg_statistic_ext'::regclass AND d.objoid = k.oid
    UNION ALL
    SELECT k.is_source, 'SEQUENCE ' || p.sequence, d.description, NULL
    FROM sequences AS k
    JOIN sequences AS p ON p.attname = k.attname AND NOT p.is_source
    JOIN pg_description AS d ON d.classoid = 'pg_class'::regclass AND d.objoid = k.sequence
),
