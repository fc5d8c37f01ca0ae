-- Its triggers and rules, and the views, functions, and other objects that depend on it.
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
