-- One snapshot of a table, its partitions and their indexes: a row for the table, then one for each
-- of these. It reads the catalog only: no row of a user's table. $1 schema, $2 table, $3 how the
-- names of its partitions begin, $4 a name above all of these (NULL if there is none), $5 the names that the check
-- on tables detached from it can have, $6 how every marker begins, $7 how that of an expired partition does, $8 the
-- pattern of the line that records adoptions, $9 how the name of a default-partition check begins,
-- $10 the mark of a copy of it, $11 the name of the plain table that it replaced, $12 the mark of that.
--
-- What a table's owner writes has no limit, but what is read of it has: the beginning of a comment, where
-- the marker is, and definitions up to a length that makes inspecting fail (MAX_DEFINITION in rows.rs).
--
-- JSON takes the server longer to write than the catalog to read. So what there is much of has columns,
-- and is sorted by who asks; what there is little of is JSON in "facts".
WITH server AS (
    SELECT current_setting('server_version_num')::int AS version,
           CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END
               AS may_become
),
target AS (
    SELECT c.oid, c.relname, c.relnamespace, n.nspname, c.relkind, c.relowner, c.relam, c.reltablespace,
           c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relhastriggers, c.relispartition,
           p.partstrat, p.partattrs, p.partdefid
    FROM pg_namespace n
    JOIN pg_class c ON c.relnamespace = n.oid
    LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
    WHERE n.nspname = $1 AND c.relname = $2
),
same_name AS (
    SELECT c.oid, c.relname, c.relkind, c.relispartition
    FROM target t
    -- This order only helps the index: the order of $4 differs between encodings.
    JOIN pg_class c ON c.relnamespace = t.relnamespace AND c.relname >= $3::name
        AND c.relname <= coalesce($4::name, (SELECT relname FROM pg_class ORDER BY relname DESC LIMIT 1))
        AND starts_with(c.relname, $3::text)
),
-- What a partition can be and is not: relations with a name like that of a partition, and tables that were detached.
beside AS (
    -- There are few of these; only their comments are looked up.
    SELECT s.oid, s.was_detached, (
        SELECT left(description, 2000) FROM pg_description
        WHERE objoid = s.oid AND classoid = 'pg_class'::regclass AND objsubid = 0
    ) AS comment
    FROM (
        SELECT oid, bool_or(was_detached) AS was_detached FROM (
            SELECT oid, false AS was_detached
            FROM same_name WHERE relkind IN ('r', 'p', 'f') AND NOT relispartition
            UNION ALL
            SELECT con.conrelid, true
            FROM pg_constraint con
            JOIN pg_class c ON c.oid = con.conrelid AND NOT c.relispartition
            WHERE con.conname = ANY ($5::name[]) AND con.contype = 'c'
        ) found GROUP BY oid
    ) s
    JOIN target t ON t.relkind = 'p' AND t.oid <> s.oid
    OFFSET 0
),
-- Those of them with the columns and the checks of the table, so that ATTACH PARTITION accepts them.
fitting AS (
    SELECT b.oid
    FROM target t
    CROSS JOIN beside b
    WHERE NOT EXISTS (
        SELECT
        FROM (SELECT * FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) its
        FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = b.oid AND attnum > 0 AND NOT attisdropped) own
            ON own.attname = its.attname
        WHERE (own.atttypid, own.atttypmod, own.attcollation, own.attgenerated)
                  IS DISTINCT FROM (its.atttypid, its.atttypmod, its.attcollation, its.attgenerated)
           OR its.attnotnull AND NOT own.attnotnull
    ) AND NOT EXISTS (
        SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint
        WHERE conrelid = t.oid AND contype = 'c' AND NOT connoinherit
        EXCEPT ALL
        SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint
        WHERE conrelid = b.oid AND contype = 'c' AND NOT connoinherit
    )
),
-- Partitions, and tables that a marker says were made to become one.
members AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relpartbound, c.reltuples, c.relpages,
           c.reloptions, c.relhastriggers, i.inhdetachpending, i.transactions_since,
           left(d.description, 2000) AS comment, true AS hangs,
           coalesce(starts_with(d.description, $7::text), false) AS is_let_go
    FROM target t
    -- Postgres 13 has no such column; there the name refers to this one, so that the version can be reported as too old.
    CROSS JOIN (SELECT false AS inhdetachpending) before_14
    CROSS JOIN LATERAL (
        SELECT inhrelid, inhdetachpending, age(xmin) AS transactions_since
        FROM pg_inherits WHERE inhparent = t.oid
    ) i
    JOIN pg_class c ON c.oid = i.inhrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_description d
        ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE t.relkind = 'p'
    UNION ALL
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, NULL, c.reltuples, c.relpages,
           c.reloptions, c.relhastriggers, false, NULL, s.comment, false, true
    FROM target t
    JOIN beside s ON true
    JOIN pg_class c ON c.oid = s.oid
        AND (s.was_detached OR c.relkind <> 'f' AND starts_with(s.comment, $6::text))
    JOIN pg_namespace n ON n.oid = c.relnamespace
),
parents AS (
    SELECT x.indexrelid, c.relname
    FROM target t
    JOIN pg_index x ON x.indrelid = t.oid
    JOIN pg_class c ON c.oid = x.indexrelid
),
-- Few databases have any.
published AS MATERIALIZED (
    SELECT prrelid, prpubid FROM pg_publication_rel
),
-- Without the privilege to see the session of a build, its index is missing here.
building AS MATERIALIZED (
    SELECT index_relid
    FROM pg_stat_progress_create_index
    WHERE datname = current_database() AND index_relid IS NOT NULL
)
SELECT 'table' AS what,
       t.oid, NULL::name AS schema, NULL::name AS name, NULL::"char" AS kind, NULL::text AS bounds,
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
               FROM beside b
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
               'adopted', (
                   SELECT substring(right(description, 100000) FROM $8::text)
                   FROM pg_description
                   WHERE objoid = t.oid AND classoid = 'pg_class'::regclass AND objsubid = 0
               ),
               'isCopy', coalesce(split_part(obj_description(t.oid, 'pg_class'), E'\n', 1) = $10::text, false),
               -- Of whatever table: the same mark up to the name.
               'isCopyOfOther', coalesce((
                   starts_with(obj_description(t.oid, 'pg_class'), $6::text || 'copy of ')
                   OR starts_with(obj_description(t.oid, 'pg_class'), $6::text || 'source of ')
               ) AND split_part(obj_description(t.oid, 'pg_class'), E'\n', 1) <> $10::text, false),
               'hasSource', t.relkind = 'p' AND EXISTS (
                   SELECT
                   FROM pg_class s
                   WHERE s.relnamespace = t.relnamespace AND s.relname = $11::name AND s.relkind = 'r'
                     AND s.relowner = t.relowner
                     AND split_part(obj_description(s.oid, 'pg_class'), E'\n', 1) = $12::text
               ),
               'inheritedBounds', CASE WHEN t.relispartition THEN left(pg_get_partition_constraintdef(t.oid), 100001) END,
               -- A drain evaluates expressions of the owner with the rights of the login: no restriction of Postgres
               -- keeps their functions from RESET ROLE.
               'ownerCode', CASE WHEN t.partdefid <> 0 THEN (
                   WITH RECURSIVE relations AS (
                       SELECT t.oid UNION SELECT t.partdefid UNION SELECT oid FROM members WHERE NOT hangs
                   ),
                   domains AS (
                       SELECT ty.oid, ty.typbasetype
                       FROM pg_attribute a
                       JOIN pg_type ty ON ty.oid = a.atttypid AND ty.typtype = 'd'
                       WHERE a.attrelid = t.oid AND a.attnum > 0
                       UNION
                       SELECT ty.oid, ty.typbasetype
                       FROM domains d
                       JOIN pg_type ty ON ty.oid = d.typbasetype AND ty.typtype = 'd'
                   ),
                   expressions AS (
                       SELECT conbin::text AS tree FROM pg_constraint
                       WHERE contype = 'c' AND conrelid IN (SELECT oid FROM relations)
                       UNION ALL
                       SELECT conbin::text FROM pg_constraint
                       WHERE contype = 'c' AND contypid IN (SELECT oid FROM domains)
                       UNION ALL
                       SELECT d.adbin::text
                       FROM pg_attrdef d
                       JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                       WHERE d.adrelid IN (SELECT oid FROM relations) AND a.attgenerated <> ''
                       UNION ALL
                       SELECT concat(indexprs::text, ' ', indpred::text) FROM pg_index
                       WHERE indrelid IN (SELECT oid FROM relations)
                       UNION ALL
                       SELECT p.partexprs::text
                       FROM pg_partition_ancestors(t.oid) a
                       JOIN pg_partitioned_table p ON p.partrelid = a.relid
                   ),
                   named AS (
                       SELECT DISTINCT found[1] AS what, found[2]::oid AS oid
                       FROM expressions,
                            regexp_matches(tree, ':(funcid|opfuncid|opno|resulttype|funcresulttype) ([0-9]+)', 'g') found
                   ),
                   functions AS (
                       SELECT oid FROM named WHERE what IN ('funcid', 'opfuncid')
                       UNION
                       SELECT o.oprcode::oid FROM named JOIN pg_operator o USING (oid) WHERE what = 'opno'
                   ),
                   code AS (
                       -- A superuser's function is trusted, unless it can run what an owner gives it.
                       SELECT p.oid::regprocedure::text AS called
                       FROM functions
                       JOIN pg_proc p USING (oid)
                       JOIN pg_roles r ON r.oid = p.proowner
                       WHERE NOT r.rolsuper
                          OR p.proname LIKE '%\_to\_xml%'
                          OR p.provolatile = 'v' AND NOT (
                              p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN (
                                  'random', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv4', 'uuidv7'
                              )
                          )
                       UNION
                       SELECT 'type ' || ty.oid::regtype::text
                       FROM named
                       JOIN pg_type ty USING (oid)
                       LEFT JOIN pg_type element ON element.oid = ty.typelem
                       JOIN pg_roles r ON r.oid = ty.typowner
                       WHERE what IN ('resulttype', 'funcresulttype') AND NOT r.rolsuper
                         AND (ty.typtype IN ('d', 'c', 'r', 'm') OR element.typtype IN ('d', 'c', 'r', 'm'))
                       UNION
                       SELECT 'rule ' || quote_ident(rulename) FROM pg_rewrite WHERE ev_class = t.partdefid
                   )
                   SELECT coalesce(json_agg(called ORDER BY called), '[]') FROM code
               ) ELSE '[]' END,
               -- What the login can do beyond what the owner can.
               'powers', CASE WHEN t.partdefid <> 0 THEN (
                   SELECT coalesce(json_agg(power), '[]')
                   FROM pg_roles me, pg_roles its, LATERAL (
                       SELECT 'SUPERUSER' AS power WHERE me.rolsuper
                       UNION ALL
                       SELECT 'CREATEROLE' WHERE me.rolcreaterole AND NOT me.rolsuper
                       UNION ALL
                       SELECT 'REPLICATION' WHERE me.rolreplication AND NOT me.rolsuper
                       UNION ALL
                       SELECT 'objects of its own' WHERE NOT me.rolsuper AND EXISTS (
                           SELECT FROM pg_shdepend d
                           WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = me.oid AND d.deptype = 'o'
                             AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                             AND d.objid NOT IN (
                                 SELECT oid FROM pg_namespace WHERE nspname = 'pgpartition'
                                 UNION ALL
                                 SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                                 WHERE n.nspname = 'pgpartition'
                             )
                       )
                       UNION ALL
                       (SELECT 'membership in ' || quote_ident(r.rolname)
                        FROM pg_roles r
                        WHERE NOT me.rolsuper AND r.oid NOT IN (me.oid, its.oid) AND r.rolname <> 'pg_read_all_stats'
                          AND pg_has_role(me.oid, r.oid, 'MEMBER') AND NOT pg_has_role(its.oid, r.oid, 'MEMBER')
                        ORDER BY 1 LIMIT 3)
                   ) powers
                   WHERE me.rolname = session_user AND its.oid = t.relowner AND me.oid <> its.oid AND NOT its.rolsuper
               ) ELSE '[]' END,
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
LEFT JOIN LATERAL (
    SELECT json_agg(a.attname ORDER BY a.attnum) AS names,
           json_agg(json_build_array(a.attname, a.attstattarget) ORDER BY a.attnum)
               FILTER (WHERE a.attstattarget >= 0) AS statistics,
           json_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attgenerated <> '') AS generated
    FROM pg_attribute a
    WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
) columns ON true
UNION ALL
SELECT 'partition',
       m.oid, m.nspname, m.relname, m.relkind, left(pg_get_expr(m.relpartbound, 0), 100001),
       m.hangs, m.inhdetachpending, m.comment,
       m.relowner = t.relowner OR pg_has_role(t.relowner, m.relowner, 'USAGE'),
       CASE WHEN m.reltuples >= 0 THEN m.reltuples::bigint END,
       -- The size is exact only where emptiness decides something: of a default partition.
       CASE WHEN m.oid <> t.partdefid THEN greatest(m.relpages, 0)::bigint * (SELECT current_setting('block_size')::int)
            WHEN m.relkind = 'p' THEN (
                SELECT sum(pg_relation_size(relid))::bigint FROM pg_partition_tree(m.oid)
            )
            ELSE pg_relation_size(m.oid) END,
       m.reloptions,
       m.hangs OR m.oid IN (SELECT oid FROM fitting),
       NULL, NULL, NULL,
       -- What few partitions have anything of.
       CASE WHEN m.oid = t.partdefid OR m.relhastriggers OR m.inhdetachpending OR NOT m.hangs OR m.is_let_go
                 OR m.oid IN (SELECT prrelid FROM published) THEN json_build_object(
           'totalBytes', CASE WHEN m.oid IS DISTINCT FROM t.partdefid THEN 0
                              WHEN m.relkind = 'p' THEN (
                                  SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree(m.oid)
                              )
                              ELSE pg_total_relation_size(m.oid) END,
           'lacksIdentity', m.oid = t.partdefid
               AND EXISTS (SELECT FROM pg_publication WHERE pubdelete)
               AND NOT (SELECT relreplident = 'f' FROM pg_class WHERE oid = m.oid)
               AND NOT EXISTS (
                   SELECT FROM pg_class c
                   JOIN pg_index x ON x.indrelid = c.oid
                   WHERE c.oid = m.oid AND x.indisvalid AND x.indimmediate
                     AND (c.relreplident = 'd' AND x.indisprimary OR c.relreplident = 'i' AND x.indisreplident)
               )
               -- It may be published by itself, by a table above it, with its schema, or with all tables.
               AND EXISTS (
                   SELECT FROM pg_publication_tables v
                   JOIN pg_publication p ON p.pubname = v.pubname AND p.pubdelete
                   JOIN pg_namespace n ON n.nspname = v.schemaname
                   JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = v.tablename
                   WHERE c.oid = m.oid OR c.oid IN (SELECT relid FROM pg_partition_ancestors(m.oid))
               ),
           -- ATTACH and DETACH rewrite the row in the catalog. So the table has been a partition of this or another table since
           -- its comment was written.
           'movedSinceMarked', NOT m.hangs AND coalesce((
               SELECT bool_and(age(a.xmin) < age(d.xmin))
               FROM pg_description d
               JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum > 0 AND NOT a.attisdropped
               WHERE d.objoid = m.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
           ), false),
           'defaultChecks', CASE WHEN m.oid = t.partdefid THEN (
               SELECT json_agg(
                   json_build_object('name', con.conname, 'validated', con.convalidated)
                   ORDER BY con.conname
               )
               FROM pg_constraint con
               WHERE con.conrelid = m.oid AND con.contype = 'c'
                 AND starts_with(con.conname, $9::text)
           ) END,
           'referencedBy', (
               SELECT coalesce(json_agg(DISTINCT jsonb_build_array(n.nspname, c.relname)), '[]')
               FROM pg_depend d
               JOIN pg_constraint con ON con.oid = d.objid AND con.contype = 'f' AND con.confrelid = m.oid
               JOIN pg_class c ON c.oid = con.conrelid
               JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
                 AND d.classid = 'pg_constraint'::regclass
                 -- The others follow from one that leads to the table, or to this one.
                 AND NOT EXISTS (
                     SELECT FROM pg_constraint above
                     WHERE above.oid = con.conparentid AND above.confrelid IN (t.oid, m.oid)
                 )
           ),
           'publications', (
               SELECT coalesce(json_agg(json_build_object(
                   'name', p.pubname,
                   'owned', pg_has_role(t.relowner, p.pubowner, 'USAGE')
               ) ORDER BY p.pubname), '[]')
               FROM pg_publication_rel r
               JOIN pg_publication p ON p.oid = r.prpubid
               WHERE r.prrelid = m.oid
           ),
           -- What may be dropped goes with what belongs to it: indexes, constraints, owned sequences. What depends on
           -- any of these otherwise forbids it: views, functions, columns of its row type, foreign keys.
           'dependents', CASE WHEN NOT m.hangs OR m.oid = t.partdefid THEN (
               WITH RECURSIVE own (classid, objid) AS (
                   SELECT k.classid, k.objid
                   FROM (VALUES ('pg_class'::regclass::oid, m.oid)) AS k (classid, objid)
                   UNION
                   SELECT d.classid, d.objid
                   FROM own o
                   JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid
                   WHERE d.deptype IN ('a', 'i', 'P', 'S') AND d.objsubid = 0
               )
               SELECT coalesce(json_agg(DISTINCT description), '[]')
               FROM (
                   SELECT CASE WHEN w.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                               ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END AS description
                   FROM own o
                   JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype = 'n'
                   LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
                   WHERE NOT EXISTS (SELECT FROM own e WHERE e.classid = d.classid AND e.objid = d.objid)
                     -- A foreign key to the table has a constraint for each partition on 14. A detach drops it.
                     AND NOT (m.hangs AND d.classid = 'pg_constraint'::regclass AND EXISTS (
                         SELECT FROM pg_constraint con
                         WHERE con.oid = d.objid AND con.contype = 'f' AND con.conparentid <> 0
                     ))
                   UNION ALL
                   SELECT pg_describe_object(d.refclassid, d.refobjid, 0)
                   FROM pg_depend d
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = m.oid AND d.deptype = 'e'
                   LIMIT 20
               ) AS dependents
           ) ELSE '[]' END,
           'blockedBy', CASE WHEN m.inhdetachpending THEN (
               -- Every role can see holders of locks. Only members of pg_read_all_stats can see snapshots of other
               -- roles; without that, the wait for them is short.
               SELECT coalesce(json_agg(json_build_object(
                   'pid', a.pid, 'gid', a.gid, 'role', a.usename, 'application', a.application_name
               ) ORDER BY a.pid, a.gid), '[]')
               FROM (
                   SELECT a.pid, NULL AS gid, a.usename, a.application_name
                   FROM pg_stat_activity a
                   WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND (
                       -- A transaction that has just begun ends soon and is followed by others: waiting for all would never end.
                       coalesce(a.xact_start < clock_timestamp() - interval '2 s', true) AND a.pid IN (
                           SELECT l.pid FROM pg_locks l
                           WHERE l.locktype = 'relation' AND l.relation = m.oid AND l.granted
                             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       )
                       -- A transaction younger than the detach ends soon, or lasts longer than a run retries.
                       OR (age(a.backend_xmin) >= m.transactions_since
                           OR a.backend_xmin IS NOT NULL AND a.xact_start < clock_timestamp() - interval '30 s')
                          AND a.backend_type = 'client backend'
                          AND a.pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
                          -- Postgres does not wait for a concurrent build of an index without condition and expression.
                          AND a.pid NOT IN (
                              SELECT b.pid
                              FROM pg_stat_progress_create_index b
                              JOIN pg_index x ON x.indexrelid = b.index_relid
                              WHERE b.datname = current_database() AND b.command = 'CREATE INDEX CONCURRENTLY'
                                AND x.indpred IS NULL AND x.indexprs IS NULL
                          )
                   )
                   UNION ALL
                   -- A prepared transaction has locks and no process. It has no snapshot either.
                   SELECT NULL, x.gid, x.owner, NULL
                   FROM pg_prepared_xacts x
                   WHERE x.database = current_database()
                     AND x.prepared < clock_timestamp() - interval '2 s'
                     AND EXISTS (
                         SELECT FROM pg_locks l
                         -- The lock on its own transaction ID shows the virtual transaction ID of its other locks.
                         JOIN pg_locks o USING (virtualtransaction)
                         WHERE o.pid IS NULL AND o.locktype = 'transactionid' AND o.transactionid = x.transaction
                           AND l.pid IS NULL AND l.locktype = 'relation' AND l.relation = m.oid AND l.granted
                           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     )
               ) a
           ) ELSE '[]' END,
           'triggers', CASE WHEN m.oid = t.partdefid THEN (
               SELECT coalesce(json_agg(json_build_object('name', g.tgname, 'enabled', g.tgenabled)
                      ORDER BY g.tgname), '[]')
               FROM pg_trigger g
               LEFT JOIN pg_constraint con ON con.oid = g.tgconstraint
               -- In Postgres 14, a trigger that the partition gets from its table is internal.
               WHERE g.tgrelid = m.oid AND (con.oid IS NULL OR con.contype = 't')
                 AND g.tgenabled <> 'D'
           ) ELSE '[]' END,
           'boundsCheck', coalesce((
               SELECT CASE WHEN bool_or(con.convalidated) THEN 'validated' WHEN count(*) > 0 THEN 'notValid' END
               FROM pg_constraint con
               WHERE (NOT m.hangs OR m.is_let_go) AND con.conrelid = m.oid AND con.conname = ANY ($5::name[])
                 AND con.contype = 'c'
                 -- A constraint of before the table became a partition itself says too little of its rows.
                 AND (NOT t.relispartition OR strpos(
                     pg_get_constraintdef(con.oid), pg_get_partition_constraintdef(t.oid)
                 ) > 0)
           ), 'absent')
       )::text END
FROM target t
JOIN members m ON true
UNION ALL
SELECT 'index',
       x.indrelid, NULL, ic.relname, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       parent.relname, x.indisvalid, NULL,
       -- An index attached to a parent index is equal to it and needs no further properties.
       CASE WHEN parent.relname IS NULL THEN json_build_object(
           'name', ic.relname,
           'valid', x.indisvalid,
           -- Every role can see the lock under which an index is built or dropped concurrently.
           'building', x.indrelid <> t.oid AND (
               x.indexrelid IN (SELECT index_relid FROM building)
               OR NOT x.indisvalid AND EXISTS (
                   SELECT FROM pg_locks l
                   WHERE l.locktype = 'relation' AND l.relation = x.indrelid AND l.granted
                     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_backend_pid()
               )
           ),
           'unique', x.indisunique,
           'exclusion', x.indisexclusion,
           'constraint', (
               SELECT left(pg_get_constraintdef(con.oid), 100001)
               FROM pg_constraint con
               WHERE con.conrelid = x.indrelid AND con.conindid = x.indexrelid
                 AND con.contype IN ('p', 'u', 'x')
           ),
           -- Foreign keys need no constraint where they lead: a unique index is enough.
           'dependents', CASE WHEN x.indisunique THEN (
               SELECT coalesce(json_agg(DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)), '[]')
               FROM pg_depend d
               WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indexrelid AND d.deptype = 'n'
           ) ELSE '[]' END,
           'comment', (
               SELECT left(description, 2000) FROM pg_description
               WHERE objoid = x.indexrelid AND classoid = 'pg_class'::regclass AND objsubid = 0
           ),
           -- What a resource can say about an index; nothing where the index is more than that.
           -- NULLS NOT DISTINCT is more.
           'shape', CASE WHEN NOT x.indisexclusion AND NOT (
               x.indisunique AND NOT x.indisprimary AND x.indnullsnotdistinct
           ) THEN (
               SELECT json_build_object(
                   'method', (SELECT amname FROM pg_am WHERE oid = ic.relam),
                   'unique', x.indisunique,
                   'columns', json_agg(
                       json_build_object(
                           'column', a.attname,
                           'descending', k.option & 1 = 1,
                           'nullsFirst', k.option & 2 = 2
                       ) ORDER BY k.position
                   ) FILTER (WHERE k.position <= x.indnkeyatts),
                   'include', coalesce(
                       json_agg(a.attname ORDER BY k.position) FILTER (WHERE k.position > x.indnkeyatts),
                       '[]'
                   ),
                   'predicate', left(pg_get_expr(x.indpred, x.indrelid), 100001)
               )
               FROM unnest(x.indkey::int2[], x.indclass::oid[], x.indcollation::oid[], x.indoption::int2[])
                        WITH ORDINALITY AS k (attnum, opclass, collation_oid, option, position)
               LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
               HAVING bool_and(
                   k.attnum <> 0
                   AND (k.position > x.indnkeyatts
                        OR (SELECT opcdefault FROM pg_opclass WHERE oid = k.opclass)
                           AND (k.collation_oid = 0 OR k.collation_oid = a.attcollation))
               )
           ) END,
           'definition', left(pg_get_indexdef(x.indexrelid), 100001),
           -- What the functions that deparse indexes and constraints leave out.
           'settings', CASE WHEN x.indrelid = t.oid THEN json_build_object(
               'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = ic.reltablespace),
               'parameters', coalesce(to_json(ic.reloptions), '[]'),
               'statistics', (
                   SELECT coalesce(json_agg(json_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum), '[]')
                   FROM pg_attribute a
                   WHERE a.attrelid = x.indexrelid AND a.attstattarget >= 0
               )
           ) END
       )::text END
FROM target t
CROSS JOIN (SELECT oid FROM members UNION ALL SELECT oid FROM target) r
-- Postgres 14 has no such column; there the name refers to this one.
CROSS JOIN (SELECT false AS indnullsnotdistinct) before_15
CROSS JOIN LATERAL (
    SELECT indexrelid, indrelid, indkey, indclass, indcollation, indoption, indpred, indnkeyatts,
           indisvalid, indisunique, indisprimary, indisexclusion, indnullsnotdistinct
    FROM pg_index
    WHERE indrelid = r.oid AND indislive
) x
JOIN pg_class ic ON ic.oid = x.indexrelid
LEFT JOIN pg_inherits ii ON ii.inhrelid = x.indexrelid
-- The table has few indexes; looking each up again for every partition would take longer.
LEFT JOIN parents parent ON parent.indexrelid = ii.inhparent
