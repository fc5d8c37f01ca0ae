-- A plain table as the preflight of its conversion needs it: rows of a word and of one fact in JSON. The word is a field
-- of `PlainTable` (observed/plain.rs) that has many facts, or "table" for the fields that have one. It reads the catalog
-- only: no row of a user's table. It is one statement, so one snapshot. It is sent only if the spec has a conversion, or
-- for `inspect`.
-- $1 object identifier of the table, $2 names that relations of its schema get, $3 names that functions get,
-- $4 names that triggers on the table get, $5 marks of the copy of the table, and of the table after the cutover, $6 what is recorded of the triggers and
-- functions that were installed: they can be there without a copy, and are replaced, $7 names that the check of the bounds
-- can have, which an interrupted run can have left.
--
-- No text here is longer than 300 characters, except names in lists; the number of rows has no limit but that of
-- the answer (MAX_BYTES in inspect_plain.rs). Its only lock is ACCESS SHARE on the table, to measure its size: a session
-- waits a second for it at most.
WITH target AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relnamespace, n.nspname, c.relkind, c.relpersistence, c.relowner, c.reltype, c.reloftype,
           c.relispartition, c.relrowsecurity, c.relforcerowsecurity, c.reltuples,
           (SELECT typarray FROM pg_type WHERE oid = c.reltype) AS typarray
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = $1
),
-- The copy that an earlier run created, or after the cutover the table itself: their names are not taken, but where they
-- belong.
copy AS MATERIALIZED (
    SELECT c.oid
    FROM target t
    JOIN pg_class c ON c.relnamespace = t.relnamespace AND c.relname = ANY ($2::name[]) AND c.relkind IN ('p', 'r')
        AND c.relowner = t.relowner
    JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE split_part(d.description, E'\n', 1) = ANY ($5::text[])
),
-- A function or a catalog that a major lacks must not be named; a column that it lacks can be, if something around
-- it has the name too.
db AS (
    SELECT d.datcollversion, d.datlocprovider, d.daticulocale
    FROM (SELECT NULL::text AS datcollversion, NULL::"char" AS datlocprovider, NULL::text AS daticulocale) not_everywhere
    CROSS JOIN LATERAL (
        SELECT datcollversion, datlocprovider, daticulocale FROM pg_database WHERE datname = current_database()
    ) d
),
-- Collations whose version Postgres recorded.
collations AS MATERIALIZED (
    SELECT co.oid, co.collname, recorded.version AS recorded,
           -- 15 does not say what it is for the default collation: that of another collation by the same rules.
           coalesce(pg_collation_actual_version(co.oid), CASE co.collprovider WHEN 'd' THEN (
               SELECT max(pg_collation_actual_version(oid))
               FROM (
                   SELECT c.oid
                   FROM (SELECT NULL::text AS colliculocale) only_15_and_16
                   CROSS JOIN LATERAL (SELECT oid, collprovider, colliculocale FROM pg_collation) c
                   WHERE c.collprovider = db.datlocprovider
                     AND (c.collprovider = 'c' OR c.colliculocale = db.daticulocale)
               ) matching
           ) END) AS actual
    FROM db
    JOIN pg_collation co ON co.oid IN (SELECT attcollation FROM target t JOIN pg_attribute a ON a.attrelid = t.oid)
    CROSS JOIN LATERAL (
        SELECT CASE co.collprovider WHEN 'd' THEN db.datcollversion ELSE co.collversion END AS version
    ) recorded
    WHERE recorded.version IS NOT NULL
),
columns AS MATERIALIZED (
    SELECT a.attnum, a.attname, a.attnotnull, a.attgenerated, a.attidentity, a.attcollation, a.atttypid, a.atttypmod,
           base.oid AS base, base.typname, base.typtype, base.typcategory, base.runs_code
    FROM target t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type own ON own.oid = a.atttypid
    CROSS JOIN LATERAL (
        -- A domain can be over another one.
        WITH RECURSIVE types AS (
            SELECT own.oid, own.typname, own.typtype, own.typcategory, own.typbasetype
            UNION ALL
            SELECT y.oid, y.typname, y.typtype, y.typcategory, y.typbasetype
            FROM types d
            JOIN pg_type y ON d.typtype = 'd' AND y.oid = d.typbasetype
        )
        SELECT oid, typname, typtype, typcategory,
               -- Creating a partition evaluates the conditions of a domain. A function of Postgres that changes or reads
               -- nothing cannot do harm there.
               EXISTS (
                   SELECT
                   FROM types d
                   JOIN pg_constraint con ON con.contypid = d.oid AND con.contype = 'c'
                   CROSS JOIN LATERAL regexp_matches(
                       con.conbin::text, ':(funcid|opfuncid|opno|resulttype) ([0-9]+)', 'g'
                   ) AS named
                   LEFT JOIN pg_operator o ON named[1] = 'opno' AND o.oid = named[2]::oid
                   LEFT JOIN pg_proc p ON p.oid = CASE named[1] WHEN 'opno' THEN o.oprcode::oid
                                                      WHEN 'resulttype' THEN NULL ELSE named[2]::oid END
                   LEFT JOIN pg_type y ON named[1] = 'resulttype' AND y.oid = named[2]::oid
                   WHERE y.typtype = 'd' OR p.pronamespace <> 'pg_catalog'::regnamespace OR p.provolatile <> 'i'
               ) AS runs_code
        FROM types
        WHERE typtype <> 'd'
    ) base
),
-- The operator class that an index on a column has by default, as Postgres finds it: that of the type, of a type with
-- the same bytes, or of all types of its sort.
classes AS (
    SELECT k.attnum, am.amname, n.nspname, class.opcfamily
    FROM columns k
    JOIN pg_am am ON am.amname IN ('btree', 'hash')
    CROSS JOIN LATERAL (
        SELECT o.opcnamespace, o.opcfamily
        FROM pg_opclass o
        WHERE o.opcmethod = am.oid AND o.opcdefault AND (
            o.opcintype = k.base
            OR o.opcintype = CASE
                WHEN k.typtype = 'e' THEN 'anyenum'::regtype
                WHEN k.typtype = 'r' THEN 'anyrange'::regtype
                WHEN k.typtype = 'm' THEN 'anymultirange'::regtype
                WHEN k.typtype = 'c' THEN 'record'::regtype
                WHEN k.typcategory = 'A' THEN 'anyarray'::regtype
            END
            OR EXISTS (
                SELECT FROM pg_cast
                WHERE castsource = k.base AND casttarget = o.opcintype AND castmethod = 'b' AND castcontext = 'i'
            )
        )
        ORDER BY o.opcintype = k.base DESC, (SELECT typispreferred FROM pg_type WHERE oid = o.opcintype) DESC
        LIMIT 1
    ) class
    JOIN pg_namespace n ON n.oid = class.opcnamespace
),
constraints AS MATERIALIZED (
    SELECT con.oid, con.conname, con.contype, con.convalidated, con.condeferrable, con.connoinherit, con.conkey,
           con.confkey, con.confrelid, con.conindid, con.conexclop, con.conbin, con.conenforced
    -- 17 and older have no such column.
    FROM (SELECT true AS conenforced) before_18
    CROSS JOIN LATERAL (
        SELECT con.oid, conname, contype, convalidated, condeferrable, connoinherit, conkey, confkey, confrelid, conindid,
               conexclop, conbin, conenforced
        FROM target t
        JOIN pg_constraint con ON con.conrelid = t.oid
    ) con
),
indexes AS MATERIALIZED (
    SELECT x.indexrelid, c.relname, am.amname, x.indisprimary, x.indisexclusion, x.indimmediate, x.indnkeyatts,
           NOT (x.indisvalid AND x.indisready AND x.indislive) AS invalid, x.indpred IS NOT NULL AS partial,
           x.indkey::int2[] AS indkey, x.indclass::oid[] AS indclass, x.indcollation::oid[] AS indcollation,
           x.indoption::int2[] AS indoption, con.conname, con.conexclop
    FROM target t
    JOIN pg_index x ON x.indrelid = t.oid AND (x.indisunique OR x.indisexclusion)
    JOIN pg_class c ON c.oid = x.indexrelid
    JOIN pg_am am ON am.oid = c.relam
    LEFT JOIN constraints con ON con.conindid = x.indexrelid AND con.contype IN ('p', 'u', 'x')
),
-- What depends on the table, on one of its columns, or on its row type, and is not part of it.
dependents AS MATERIALIZED (
    SELECT DISTINCT d.classid, d.objid, d.refclassid
    FROM target t
    CROSS JOIN LATERAL (
        VALUES ('pg_class'::regclass, t.oid), ('pg_type'::regclass, t.reltype), ('pg_type'::regclass, t.typarray)
    ) AS own (classid, objid)
    JOIN pg_depend d ON d.refclassid = own.classid AND d.refobjid = own.objid AND d.deptype = 'n'
),
views AS MATERIALIZED (
    SELECT v.oid, n.nspname, v.relname, v.relowner, w.oid AS rule,
           -- A use of the whole row names the row type behind column 0, in the tree of every major.
           strpos(w.ev_action::text, ':varattno 0 :vartype ' || t.reltype || ' ') > 0 AS whole_row
    FROM target t
    JOIN dependents d ON d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN'
    JOIN pg_class v ON v.oid = w.ev_class AND v.relkind = 'v'
    JOIN pg_namespace n ON n.oid = v.relnamespace
)
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
UNION ALL
SELECT 'checks', json_build_object(
           'name', con.conname,
           'noInherit', con.contype = 'c' AND con.connoinherit,
           'notValid', NOT con.convalidated AND con.conenforced
       )::text
FROM constraints con
WHERE con.contype IN ('c', 'n') AND (con.contype = 'c' AND con.connoinherit OR NOT con.convalidated AND con.conenforced)
    AND NOT (con.contype = 'c' AND con.conname = ANY ($7::name[]))
UNION ALL
-- A use of the whole row is column 0, in the tree of every major.
SELECT 'wholeRows', json_build_object('check', con.conname)::text
FROM constraints con
WHERE con.contype = 'c' AND strpos(con.conbin::text, ':varattno 0 ') > 0
UNION ALL
SELECT 'wholeRows', json_build_object('index', c.relname)::text
FROM target t
JOIN pg_index x ON x.indrelid = t.oid AND strpos(concat(x.indexprs::text, x.indpred::text), ':varattno 0 ') > 0
JOIN pg_class c ON c.oid = x.indexrelid
UNION ALL
SELECT 'foreignKeys', json_build_object(
           'name', con.conname,
           'references', json_build_object('schema', n.nspname, 'name', c.relname),
           'toItself', con.confrelid = t.oid,
           'notValid', NOT con.convalidated AND con.conenforced,
           'notGranted', coalesce(NOT (
               SELECT bool_and(has_column_privilege(t.relowner, con.confrelid, attnum, 'REFERENCES'))
               FROM unnest(con.confkey) AS attnum
           ), false)
       )::text
FROM target t
CROSS JOIN constraints con
JOIN pg_class c ON c.oid = con.confrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.contype = 'f'
UNION ALL
-- By way of what depends on the table: pg_constraint has no index on confrelid.
SELECT 'referencedBy', json_build_object(
           'table', json_build_object('schema', n.nspname, 'name', c.relname), 'name', con.conname,
           'otherOwner', NOT pg_has_role(t.relowner, c.relowner, 'USAGE')
       )::text
FROM target t
JOIN dependents d ON d.classid = 'pg_constraint'::regclass AND d.refclassid = 'pg_class'::regclass
JOIN pg_constraint con ON con.oid = d.objid AND con.contype = 'f' AND con.confrelid = t.oid AND con.conrelid <> t.oid
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.conparentid = 0
UNION ALL
SELECT 'triggers', json_build_object(
           'name', g.tgname,
           'forEachRow', g.tgtype & 1 <> 0,
           -- One that can change the row: BEFORE, and INSERT or UPDATE.
           'changesRows', g.tgtype & 3 = 3 AND g.tgtype & 20 <> 0,
           'transitionTables', g.tgoldtable IS NOT NULL OR g.tgnewtable IS NOT NULL,
           'language', l.lanname,
           'namesTable', p.prosrc ~* '\mtg_(table_name|relname|relid)\M',
           -- The columns that the function or the arguments of the trigger name, as words of whatever language.
           'columns', (
               SELECT coalesce(json_agg(k.attname ORDER BY k.attnum), '[]')
               FROM columns k
               WHERE CASE WHEN k.attname ~ '[^[:alnum:]_]' THEN strpos(text.source, lower(k.attname)) > 0
                          ELSE lower(k.attname) = ANY (text.words) END
           )
       )::text
FROM target t
JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    AND NOT (g.tgname = ANY ($4::name[]) AND EXISTS (SELECT FROM copy))
JOIN pg_proc p ON p.oid = g.tgfoid
JOIN pg_language l ON l.oid = p.prolang
CROSS JOIN LATERAL (
    SELECT source, regexp_split_to_array(source, '[^[:alnum:]_]+') AS words
    FROM (SELECT lower(p.prosrc || ' ' || replace(encode(g.tgargs, 'escape'), '\000', ' ')) AS source OFFSET 0) lowered
    OFFSET 0
) text
UNION ALL
SELECT 'rules', to_json(w.rulename)::text
FROM target t
JOIN pg_rewrite w ON w.ev_class = t.oid AND w.rulename <> '_RETURN'
UNION ALL
SELECT 'views', json_build_object(
           'name', json_build_object('schema', v.nspname, 'name', v.relname),
           'otherOwner', v.relowner <> t.relowner,
           'wholeRow', v.whole_row,
           'groupedBy', (
               SELECT coalesce(json_agg(DISTINCT con.conname), '[]')
               FROM pg_depend d
               JOIN constraints con ON con.oid = d.refobjid
               WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = v.rule AND d.refclassid = 'pg_constraint'::regclass
           )
       )::text
FROM target t
CROSS JOIN views v
UNION ALL
SELECT DISTINCT 'grouped', json_build_object(
           'object', left(CASE WHEN w.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                               ELSE pg_describe_object(d.classid, d.objid, 0) END, 300),
           'key', con.conname,
           -- As the swap does with a function that does not use the row type.
           'recreated', p.proowner IS NOT DISTINCT FROM t.relowner AND NOT EXISTS (
               SELECT FROM dependents other
               WHERE other.classid = d.classid AND other.objid = d.objid AND other.refclassid = 'pg_type'::regclass
           )
       )::text
FROM target t
CROSS JOIN constraints con
JOIN pg_depend d ON d.refclassid = 'pg_constraint'::regclass AND d.refobjid = con.oid AND d.deptype = 'n'
LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
WHERE con.contype = 'p'
UNION ALL
SELECT 'bound', to_json(bound.description)::text
FROM (
    SELECT DISTINCT left(CASE WHEN w.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                              ELSE pg_describe_object(d.classid, d.objid, 0) END, 300) AS description
    FROM target t
    JOIN dependents d ON d.classid NOT IN (
        'pg_constraint'::regclass, 'pg_trigger'::regclass, 'pg_attrdef'::regclass, 'pg_publication_rel'::regclass,
        'pg_statistic_ext'::regclass
    )
    LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    LEFT JOIN pg_policy policy ON d.classid = 'pg_policy'::regclass AND policy.oid = d.objid
    LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
    WHERE w.ev_class IS DISTINCT FROM t.oid
      AND policy.polrelid IS DISTINCT FROM t.oid
      AND NOT (
          d.classid = 'pg_class'::regclass AND (d.objid = t.oid OR d.objid IN (SELECT oid FROM views))
      )
      AND (w.oid IS NULL OR w.oid NOT IN (SELECT rule FROM views) OR t.oid IN (SELECT oid FROM copy))
      -- A view, and a function whose body alone names the table, is made again at the cutover.
      AND NOT (
          t.oid NOT IN (SELECT oid FROM copy) AND p.oid IS NOT NULL AND p.proowner = t.relowner AND NOT EXISTS (
              SELECT FROM dependents other
              WHERE other.classid = d.classid AND other.objid = d.objid AND other.refclassid = 'pg_type'::regclass
          )
      )
    ORDER BY description
    LIMIT 100
) bound
WHERE bound.description IS NOT NULL
UNION ALL
SELECT 'publications', json_build_object(
           'name', p.pubname,
           'implied', p.implied,
           'byPartition', NOT p.pubviaroot,
           'otherOwner', NOT pg_has_role(t.relowner, p.pubowner, 'USAGE')
       )::text
FROM target t
-- Publications that imply the table publish all tables, or those of its schema. What publishes a schema is read from
-- pg_depend: 14 has no pg_publication_namespace, and pg_publication_tables would lock every published table.
CROSS JOIN LATERAL (
    SELECT *, puballtables OR EXISTS (
        SELECT FROM pg_depend of_publication
        JOIN pg_depend of_schema ON of_schema.classid = of_publication.classid AND of_schema.objid = of_publication.objid
        WHERE of_publication.refclassid = 'pg_publication'::regclass AND of_publication.refobjid = pg_publication.oid
          AND of_publication.classid = to_regclass('pg_catalog.pg_publication_namespace')
          AND of_schema.refclassid = 'pg_namespace'::regclass AND of_schema.refobjid = t.relnamespace
    ) AS implied
    FROM pg_publication
) p
LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = t.oid
WHERE r.oid IS NOT NULL OR p.implied
UNION ALL
SELECT 'subscriptions', to_json(s.subname)::text
FROM target t
JOIN pg_subscription_rel r ON r.srrelid = t.oid
JOIN pg_subscription s ON s.oid = r.srsubid
UNION ALL
SELECT DISTINCT 'labelProviders', to_json(left(l.provider, 63))::text
FROM target t
JOIN pg_seclabel l ON l.classoid = 'pg_class'::regclass AND l.objoid = t.oid
UNION ALL
SELECT 'taken', json_build_object('relation', c.relname)::text
FROM target t
JOIN pg_class c ON c.relnamespace = t.relnamespace AND c.relname = ANY ($2::name[])
WHERE c.oid NOT IN (SELECT oid FROM copy)
UNION ALL
SELECT 'taken', json_build_object('type', y.typname)::text
FROM target t
JOIN pg_type y ON y.typnamespace = t.relnamespace AND y.typname = ANY ($2::name[])
    -- The row type of a relation has the name of the relation, and its array type moves away.
    AND y.typtype <> 'c' AND y.typcategory <> 'A'
UNION ALL
SELECT DISTINCT 'taken', CASE
           WHEN used.relname IS NULL THEN json_build_object('function', p.proname)
           ELSE json_build_object('triggerFunction', json_build_object(
               'name', p.proname, 'table', json_build_object('schema', used.nspname, 'name', used.relname)
           ))
       END::text
FROM target t
JOIN pg_proc p ON p.pronamespace = t.relnamespace AND p.proname = ANY ($3::name[])
    AND NOT (p.proowner = t.relowner AND (
        EXISTS (SELECT FROM copy)
        OR p.oid::text IS NOT DISTINCT FROM ($6::text::jsonb #>> ARRAY['functions', p.proname::text, 'oid'])
    ))
LEFT JOIN LATERAL (
    SELECT n.nspname, c.relname
    FROM pg_depend d
    JOIN pg_trigger g ON g.oid = d.objid AND g.tgrelid <> t.oid
    JOIN pg_class c ON c.oid = g.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid AND d.classid = 'pg_trigger'::regclass
    ORDER BY c.oid
    LIMIT 1
) used ON true
UNION ALL
SELECT 'taken', json_build_object('trigger', g.tgname)::text
FROM target t
JOIN pg_trigger g ON g.tgrelid = t.oid AND g.tgname = ANY ($4::name[]) AND NOT EXISTS (SELECT FROM copy)
    AND g.oid::text IS DISTINCT FROM ($6::text::jsonb #>> ARRAY['triggers', g.tgname::text, 'oid'])
