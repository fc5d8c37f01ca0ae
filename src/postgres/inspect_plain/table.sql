-- The table, its columns, and its unique and exclusion indexes.
SELECT 'table' AS what, json_build_object(
           'unusual', (
               SELECT coalesce(json_agg(kind), '[]')
               FROM (VALUES
                   (CASE t.relpersistence WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary' END),
                   (CASE WHEN t.reloftype <> 0 THEN 'typed' END),
                   (CASE WHEN t.relispartition THEN 'partition' END),
                   (CASE WHEN NOT t.relispartition AND EXISTS (SELECT FROM pg_inherits WHERE inhrelid = t.oid)
                         THEN 'child' END),
                   (CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhparent = t.oid) THEN 'parent' END),
                   (CASE WHEN EXISTS (
                       SELECT FROM pg_depend
                       WHERE classid = 'pg_class'::regclass AND objid = t.oid AND deptype = 'e'
                   ) THEN 'extensionMember' END)
               ) AS kinds (kind)
               WHERE kind IS NOT NULL
           ),
           'hidesRowsFromOwner', t.relrowsecurity AND t.relforcerowsecurity AND NOT (
               SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE oid = t.relowner
           ),
           'noTemporary', CASE WHEN NOT has_database_privilege(t.relowner, current_database(), 'TEMPORARY')
                               THEN current_database() END,
           'estimatedRows', CASE WHEN t.reltuples >= 0 THEN t.reltuples::bigint END,
           'bytes', coalesce(pg_total_relation_size(t.oid), 0)
       )::text AS fact
FROM target t
UNION ALL
SELECT 'columns', json_build_object(
           'name', k.attname,
           'type', left(format_type(k.atttypid, k.atttypmod), 300),
           'baseType', k.typname,
           -- Since 18 a NOT NULL that was never validated looks like one that was.
           'nullable', NOT k.attnotnull OR EXISTS (
               SELECT FROM constraints WHERE contype = 'n' AND NOT convalidated AND conkey = ARRAY[k.attnum]
           ),
           'generated', k.attgenerated <> '',
           'alwaysIdentity', k.attidentity = 'a',
           'runsCode', k.runs_code,
           'btree', (SELECT nspname FROM classes c WHERE c.attnum = k.attnum AND amname = 'btree'),
           'hash', (SELECT nspname FROM classes c WHERE c.attnum = k.attnum AND amname = 'hash'),
           'collation', (
               SELECT json_build_object('name', co.collname, 'recorded', co.recorded, 'actual', co.actual)
               FROM collations co
               WHERE co.oid = k.attcollation AND co.recorded <> co.actual
           )
       )::text
FROM columns k
UNION ALL
SELECT 'uniqueIndexes', json_build_object(
           'name', coalesce(x.conname, x.relname),
           'primary', x.indisprimary,
           'invalid', x.invalid,
           'deferrable', NOT x.indimmediate,
           'partial', x.partial,
           'columns', (
               SELECT coalesce(json_agg(k.attname ORDER BY position) FILTER (WHERE k.attname IS NOT NULL), '[]')
               FROM unnest(x.indkey[0:x.indnkeyatts - 1]) WITH ORDINALITY AS of (attnum, position)
               LEFT JOIN columns k USING (attnum)
           ),
           'expressions', 0 = ANY (x.indkey[0:x.indnkeyatts - 1]),
           -- ORDER BY the columns reads the index forward, or backward, only if it sorts each column as the column does.
           'otherOrder', (
               SELECT coalesce(
                   bool_or(of.sorted_by <> k.attcollation OR o.opcfamily IS DISTINCT FROM c.opcfamily)
                   OR max(of.options) <> min(of.options) OR max(of.options) NOT IN (0, 3), false
               )
               FROM unnest(
                   x.indkey[0:x.indnkeyatts - 1], x.indclass[0:x.indnkeyatts - 1], x.indcollation[0:x.indnkeyatts - 1],
                   x.indoption[0:x.indnkeyatts - 1]
               ) AS of (attnum, class, sorted_by, options)
               JOIN columns k USING (attnum)
               JOIN pg_opclass o ON o.oid = of.class
               LEFT JOIN classes c ON c.attnum = of.attnum AND c.amname = 'btree'
           ),
           'otherCollation', (
               SELECT coalesce(json_agg(k.attname ORDER BY k.attname), '[]')
               FROM unnest(x.indkey[0:x.indnkeyatts - 1], x.indcollation[0:x.indnkeyatts - 1]) AS of (attnum, sorted_by)
               JOIN columns k USING (attnum)
               WHERE of.sorted_by <> k.attcollation
           ),
           -- Operators of other schemas are not those that the functions of the conversion find.
           'otherOperators', (
               SELECT coalesce(json_agg(DISTINCT n.nspname || '.' || o.opcname), '[]')
               FROM unnest(x.indclass) AS class
               JOIN pg_opclass o ON o.oid = class
               JOIN pg_namespace n ON n.oid = o.opcnamespace
               WHERE n.nspname <> 'pg_catalog'
           )
       )::text
FROM indexes x
WHERE NOT x.indisexclusion
UNION ALL
SELECT 'exclusions', json_build_object(
           'name', coalesce(x.conname, x.relname),
           'equal', (
               SELECT coalesce(json_agg(k.attname ORDER BY position), '[]')
               FROM unnest(x.indkey[0:x.indnkeyatts - 1], x.conexclop, x.indcollation[0:x.indnkeyatts - 1])
                   WITH ORDINALITY AS of (attnum, operator, sorted_by, position)
               JOIN columns k ON k.attnum = of.attnum AND k.attcollation = of.sorted_by
               JOIN pg_operator o ON o.oid = of.operator AND o.oprname = '='
           )
       )::text
FROM indexes x
WHERE x.indisexclusion
