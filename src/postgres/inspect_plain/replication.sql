-- Its publications and subscriptions, and the providers of its security labels.
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
