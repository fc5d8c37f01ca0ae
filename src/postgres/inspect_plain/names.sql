-- Names that the conversion needs and that another object has.
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
