-- The row of the table. There is one even if no table has the name: it has the facts about the server.
SELECT 'table' AS what,
       t.oid, NULL::name AS schema, NULL::name AS name, NULL::"char" AS kind, NULL::bigint AS bounds_hash,
       NULL::bool AS attached, NULL::bool AS detach_pending, NULL::text AS comment, NULL::bool AS owned,
       NULL::bigint AS rows, NULL::bigint AS bytes, NULL::text[] AS storage, NULL::bool AS fits,
       NULL::name AS of, NULL::bool AS valid,
       ARRAY(
           SELECT s.relname FROM same_name s
           UNION ALL
           SELECT ty.typname
           FROM target tt
           JOIN pg_type ty ON ty.typnamespace = tt.relnamespace
               AND ty.typname >= $3::name
               AND ty.typname <= coalesce($4::name, (SELECT typname FROM pg_type ORDER BY typname DESC LIMIT 1))
               AND starts_with(ty.typname, $3::text)
               AND ty.typtype <> 'c' -- a composite type has the name of a relation
           ORDER BY 1
       ) AS taken,
       json_build_object(
           -- Tables that were created like a partition, and never attached: a restore or a user attaches them next.
           -- ATTACH and DETACH write every column of the catalog again, the row type of the table they leave as it is.
           'unattached', (
               SELECT coalesce(json_agg(c.relname ORDER BY c.relname), '[]')
               FROM candidates b
               JOIN fitting USING (oid)
               JOIN pg_class c USING (oid)
               JOIN pg_type row_type ON row_type.oid = c.reltype
               WHERE NOT b.was_detached AND NOT coalesce(starts_with(b.comment, $6::text), false)
                 AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
                 AND EXISTS (
                     SELECT FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                       AND age(a.xmin) >= age(row_type.xmin)
                 )
           ),
           'server', json_build_object(
               'version', server.version,
               'inRecovery', pg_is_in_recovery(),
               'readOnly', current_setting('transaction_read_only')::bool AND NOT pg_is_in_recovery(),
               'role', current_user,
               'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
           ),
           'relation', CASE WHEN t.oid IS NOT NULL THEN json_build_object(
               'oid', t.oid::bigint,
               'kind', t.relkind,
               'owner', pg_get_userbyid(t.relowner),
               'owned', pg_has_role(t.relowner, server.may_become),
               'mayCreate', has_schema_privilege(t.relowner, t.relnamespace, 'CREATE'),
               'key', json_build_object('method', t.partstrat, 'columns', (
                   SELECT json_agg(
                       json_build_object(
                           'name', a.attname,
                           'type', (
                               -- A domain can be over another one.
                               WITH RECURSIVE types AS (
                                   SELECT typname, typtype, typbasetype FROM pg_type WHERE oid = a.atttypid
                                   UNION ALL
                                   SELECT ty.typname, ty.typtype, ty.typbasetype
                                   FROM types d
                                   JOIN pg_type ty ON d.typtype = 'd' AND ty.oid = d.typbasetype
                               )
                               SELECT typname FROM types WHERE typtype <> 'd'
                           )
                       )
                       ORDER BY k.position
                   )
                   FROM unnest(t.partattrs::int2[]) WITH ORDINALITY AS k (attnum, position)
                   LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum AND k.attnum > 0
               )),
               'columns', columns.names,
               'generated', coalesce(columns.generated, '[]'),
               -- Columns whose = is not found in pg_catalog: those of extensions' types.
               'columnOperators', (
                   SELECT coalesce(json_agg(
                       json_build_array(a.attname, n.nspname, its.nspname, ty.typname) ORDER BY a.attnum
                   ), '[]')
                   FROM pg_attribute a
                   CROSS JOIN LATERAL (
                       WITH RECURSIVE types AS (
                           SELECT oid, typname, typnamespace, typtype, typbasetype FROM pg_type WHERE oid = a.atttypid
                           UNION ALL
                           SELECT y.oid, y.typname, y.typnamespace, y.typtype, y.typbasetype
                           FROM types d
                           JOIN pg_type y ON d.typtype = 'd' AND y.oid = d.typbasetype
                       )
                       SELECT oid, typname, typnamespace FROM types WHERE typtype <> 'd'
                   ) ty
                   JOIN pg_namespace its ON its.oid = ty.typnamespace
                   JOIN pg_opclass class ON class.opcintype = ty.oid AND class.opcdefault
                       AND class.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')
                   JOIN pg_amop am ON am.amopfamily = class.opcfamily AND am.amopstrategy = 3
                       AND am.amoplefttype = ty.oid AND am.amoprighttype = ty.oid
                   JOIN pg_operator o ON o.oid = am.amopopr
                   JOIN pg_namespace n ON n.oid = o.oprnamespace AND n.nspname <> 'pg_catalog'
                   WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
               ),
               'rowSecurity', t.relrowsecurity,
               'forceRowSecurity', t.relforcerowsecurity,
               'replicaIdentity', t.relreplident,
               'replicaIdentityIndex', CASE WHEN t.relreplident = 'i' THEN (
                   SELECT ic.relname
                   FROM pg_index x
                   JOIN pg_class ic ON ic.oid = x.indexrelid
                   WHERE x.indrelid = t.oid AND x.indisreplident
               ) END,
               'statistics', coalesce(columns.statistics, '[]'),
               'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = t.reltablespace),
               'accessMethod', (SELECT amname FROM pg_am WHERE oid = t.relam),
               -- The names that were adopted: a line of the table's own comment.
               'adopted', substring(right(t.description, 100000) FROM $8::text),
               'isCopy', coalesce(split_part(t.description, E'\n', 1) = $10::text, false),
               -- Of whatever table: the same mark up to the name.
               'isCopyOfOther', coalesce((
                   starts_with(t.description, $6::text || 'copy of ')
                   OR starts_with(t.description, $6::text || 'source of ')
               ) AND split_part(t.description, E'\n', 1) <> $10::text, false),
               'hasSource', t.relkind = 'p' AND EXISTS (
                   SELECT
                   FROM pg_class s
                   WHERE s.relnamespace = t.relnamespace AND s.relname = $11::name AND s.relkind = 'r'
                     AND s.relowner = t.relowner
                     AND split_part(obj_description(s.oid, 'pg_class'), E'\n', 1) = $12::text
               ),
               'inheritedBounds', CASE WHEN t.relispartition THEN left(pg_get_partition_constraintdef(t.oid), 100001) END,
               'ownerCode', coalesce(drain.owner_code, '[]'),
               'powers', coalesce(drain.powers, '[]'),
               'publications', (
                   SELECT coalesce(json_agg(p.pubname ORDER BY p.pubname), '[]')
                   FROM published r
                   JOIN pg_publication p ON p.oid = r.prpubid
                   WHERE r.prrelid = t.oid
               ),
               'references', (
                   SELECT coalesce(json_agg(DISTINCT jsonb_build_array(n.nspname, c.relname)), '[]')
                   FROM pg_constraint con
                   JOIN pg_class c ON c.oid = con.confrelid
                   JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE con.conrelid = t.oid AND con.contype = 'f'
               ),
               -- A table that foreign keys lead to has triggers, or its partitions have. By way of what
               -- depends on the table: pg_constraint has no index on confrelid.
               'referencedBy', CASE WHEN t.relhastriggers OR EXISTS (
                   SELECT FROM members m WHERE m.relhastriggers
               ) THEN (
                   SELECT coalesce(json_agg(DISTINCT jsonb_build_object(
                       'schema', n.nspname,
                       'table', c.relname,
                       'columns', (
                           SELECT jsonb_agg(jsonb_build_array(f.attname, a.attname) ORDER BY k.position)
                           FROM unnest(con.conkey, con.confkey) WITH ORDINALITY AS k (own, other, position)
                           JOIN pg_attribute f ON f.attrelid = con.conrelid AND f.attnum = k.own
                           JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.other
                       ),
                       'operators', (
                           SELECT jsonb_agg(jsonb_build_array(opn.nspname, o.oprname) ORDER BY k.position)
                           FROM unnest(con.conpfeqop) WITH ORDINALITY AS k (operator, position)
                           JOIN pg_operator o ON o.oid = k.operator
                           JOIN pg_namespace opn ON opn.oid = o.oprnamespace
                       )
                   )), '[]')
                   FROM pg_depend d
                   JOIN pg_constraint con ON con.oid = d.objid AND con.contype = 'f' AND con.confrelid = t.oid
                   JOIN pg_class c ON c.oid = con.conrelid
                   JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
                     AND d.classid = 'pg_constraint'::regclass
                     -- A foreign key that leads to a table above this one has a constraint of its own for each table
                     -- below. Those of partitions, on either side, follow from the one that leads to this table.
                     AND NOT EXISTS (
                         SELECT FROM pg_constraint above
                         WHERE above.oid = con.conparentid AND above.confrelid = t.oid
                     )
               ) ELSE '[]' END
           ) END
       )::text AS facts
FROM server
LEFT JOIN target t ON true
LEFT JOIN drain ON true
LEFT JOIN LATERAL (
    SELECT json_agg(a.attname ORDER BY a.attnum) AS names,
           json_agg(json_build_array(a.attname, a.attstattarget) ORDER BY a.attnum)
               FILTER (WHERE a.attstattarget >= 0) AS statistics,
           json_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attgenerated <> '') AS generated
    FROM pg_attribute a
    WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
) columns ON true
