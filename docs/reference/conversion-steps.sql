-- drop-bounds-check
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '950ms';
SET LOCAL statement_timeout = '950ms';
ALTER TABLE "shop"."orders" DROP CONSTRAINT IF EXISTS "pgpartition_of_7458f44cdbf1d509";
-- create-copy
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '475ms';
SET LOCAL statement_timeout = '475ms';
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_66a3882b'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_66a3882b(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_66a3882b(E'DO E''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  source oid := ''''"shop"."orders"''''::regclass;
  copy oid := NULL;
  is_new boolean := true;
  triggers text[] := ARRAY[''''sync_to_partitioned_orders'''', ''''sync_to_partitioned_orders_truncate'''', ''''sync_to_partitioned_orders_update'''', ''''sync_to_partitioned_orders_delete'''', ''''sync_to_partitioned_orders_move'''']::text[];
  known text[] := ARRAY[]::text[];
  checks text[] := ARRAY[''''pgpartition_of_7458f44cdbf1d509'''']::text[];
  relation text := ''''"shop"."orders_partitioned"'''';
  commands text[];
  command text;
  texts text[];
  digests text;
  has_key boolean;
BEGIN
  <<work>>
  BEGIN
  LOCK TABLE ONLY "shop"."orders" IN ACCESS SHARE MODE;
  IF pgpartition.is_new THEN
    -- Columns keep their numbers if subqueries of policies use them: expressions can then be deparsed for the copy.
    SELECT array_agg(CASE
        WHEN a.attisdropped THEN format(''''%I int'''', ''''pgpartition_dropped_'''' || a.attnum)
        ELSE concat(format(''''%I %s'''', a.attname, format_type(a.atttypid, a.atttypmod)),
          CASE WHEN a.attcollation <> t.typcollation THEN '''' COLLATE '''' || a.attcollation::regcollation END,
          CASE a.attgenerated WHEN ''''s'''' THEN format('''' GENERATED ALWAYS AS (%s) STORED'''', pg_get_expr(d.adbin, d.adrelid))
            WHEN ''''v'''' THEN format('''' GENERATED ALWAYS AS (%s) VIRTUAL'''', pg_get_expr(d.adbin, d.adrelid)) END,
          CASE WHEN a.attnotnull THEN coalesce('''' CONSTRAINT '''' || quote_ident(n.conname), '''''''') || '''' NOT NULL'''' END)
        END ORDER BY a.attnum)
      INTO pgpartition.texts
      FROM pg_attribute AS a
      LEFT JOIN pg_type AS t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      LEFT JOIN pg_constraint AS n ON n.conrelid = a.attrelid AND n.contype = ''''n'''' AND n.conkey = ARRAY[a.attnum]
      WHERE a.attrelid = pgpartition.source AND a.attnum > 0 AND (NOT a.attisdropped OR EXISTS (
        SELECT FROM pg_policy AS p WHERE p.polrelid = pgpartition.source AND concat(p.polqual, p.polwithcheck) LIKE ''''%{SUBLINK %''''
      ));
    EXECUTE concat(''''CREATE TABLE '''', pgpartition.relation, '''' ('''', array_to_string(pgpartition.texts, '''', ''''),
      '''') PARTITION BY '''', ''''HASH ("org_id")'''');
    copy := pgpartition.relation::regclass;
    EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', pgpartition.relation, ''''pgpartition.dev copy of shop.orders'''');
    SELECT array_agg(format(''''ALTER TABLE %s DROP COLUMN %I'''', pgpartition.relation, a.attname))
      INTO pgpartition.commands
      FROM pg_attribute AS a
      WHERE a.attrelid = pgpartition.copy AND a.attname IN (
        SELECT ''''pgpartition_dropped_'''' || o.attnum FROM pg_attribute AS o WHERE o.attrelid = pgpartition.source AND o.attisdropped
      );
    WITH indexes AS (
      SELECT x.indexrelid, c.relname, x.indisprimary, x.indisexclusion, con.oid AS constraint_oid, con.contype,
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          WHERE a.attrelid = pgpartition.source AND a.attnum = ANY (x.indkey[0:x.indnkeyatts - 1])) AS columns,
        -- Columns compared by equality.
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          JOIN unnest(x.indkey[0:x.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place) ON k.attnum = a.attnum
          LEFT JOIN pg_operator AS o ON o.oid = con.conexclop[k.place]
          WHERE a.attrelid = pgpartition.source AND (NOT x.indisexclusion OR o.oprname = ''''='''')) AS equal,
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          WHERE a.attrelid = pgpartition.source AND a.attnum = ANY (x.indkey[x.indnkeyatts:x.indnatts - 1])
            AND a.attname <> ALL (ARRAY[''''id'''', ''''org_id'''']::name[])) AS included,
        x.indisunique AND x.indimmediate AND x.indisvalid AND NOT x.indisexclusion AND x.indpred IS NULL
          AND x.indexprs IS NULL AS can_be_key,
        concat((SELECT format('''' WITH (%s)'''', string_agg(format(''''%I = %L'''', split_part(o.option, ''''='''', 1),
            substr(o.option, strpos(o.option, ''''='''') + 1)), '''', '''')) FROM unnest(c.reloptions) AS o (option) HAVING count(*) > 0),
          '''' USING INDEX TABLESPACE '''' || (SELECT quote_ident(s.spcname) FROM pg_tablespace AS s WHERE s.oid = c.reltablespace)
        ) AS parameters,
        concat(CASE WHEN con.condeferrable THEN '''' DEFERRABLE'''' END, CASE WHEN con.condeferred THEN '''' INITIALLY DEFERRED'''' END)
          AS deferrable
      FROM pg_index AS x
      JOIN pg_class AS c ON c.oid = x.indexrelid
      LEFT JOIN pg_constraint AS con ON con.conindid = x.indexrelid AND con.conrelid = pgpartition.source
      WHERE x.indrelid = pgpartition.source
    ), key AS (
      SELECT * FROM indexes AS i
      WHERE i.can_be_key AND i.columns @> ARRAY[''''id'''']::name[] AND i.columns <@ ARRAY[''''id'''']::name[]
      ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1
    )
    -- Indexes of partitions are named after the constraints. Postgres chooses another name if it is too long or taken.
    SELECT array_cat(pgpartition.commands, array_agg(concat(''''ALTER TABLE '''', pgpartition.relation, '''' ADD '''',
          CASE WHEN octet_length(n.name) < 64 AND NOT EXISTS (
            SELECT FROM pg_class AS c WHERE c.relnamespace = r.relnamespace AND c.relname = n.name
          ) THEN format(''''CONSTRAINT %I '''', n.name) END, k.definition)
        ORDER BY k.is_key DESC)), bool_or(k.is_key)
      INTO pgpartition.commands, pgpartition.has_key
      FROM (
        SELECT true AS is_key, i.relname, concat(CASE WHEN i.indisprimary THEN ''''PRIMARY KEY'''' ELSE ''''UNIQUE'''' END, '''' '''', ''''("id", "org_id")'''',
          (SELECT format('''' INCLUDE (%s)'''', string_agg(quote_ident(n.name), '''', '''')) FROM unnest(i.included) AS n (name)
            HAVING count(*) > 0), i.parameters) AS definition
        FROM key AS i
        UNION ALL
        SELECT false, i.relname, CASE WHEN i.contype = ''''x'''' THEN pg_get_constraintdef(i.constraint_oid)
          ELSE regexp_replace(pg_get_constraintdef(i.constraint_oid), ''''( DEFERRABLE)?( INITIALLY DEFERRED)?$'''', '''''''')
            || i.parameters || i.deferrable
          END
        FROM indexes AS i
        WHERE i.contype IN (''''p'''', ''''u'''', ''''x'''') AND i.indexrelid NOT IN (SELECT k.indexrelid FROM key AS k)
          AND i.equal @> ARRAY[''''org_id'''']::name[]
          AND (i.contype <> ''''x'''' OR current_setting(''''server_version_num'''')::int >= 170000)
      ) AS k
      JOIN pg_class AS r ON r.oid = pgpartition.copy
      JOIN pg_class AS s ON s.oid = pgpartition.source
      CROSS JOIN LATERAL (
        SELECT concat(r.relname, ''''_'''', CASE WHEN starts_with(k.relname, s.relname || ''''_'''')
          THEN right(k.relname, -1 - length(s.relname)) ELSE k.relname END) AS name
      ) AS n;
    IF pgpartition.has_key IS NOT TRUE THEN
      RAISE object_not_in_prerequisite_state USING MESSAGE = ''''the table has no valid unique index on its row key any more'''';
    END IF;
    FOREACH command IN ARRAY coalesce(pgpartition.commands, ''''{}'''') LOOP
      EXECUTE command;
    END LOOP;
  END IF;
  FOR pass IN 1..4 LOOP
-- Differences between the two tables of a conversion, and the commands that resolve them. The source is the serving table,
-- the copy the passive one: after the cutover, the copy is the plain table. A property has a kind, an object, and a
-- definition. A property that only the source has is created on the copy; one that only the copy has is removed.
-- pgpartition.source source, pgpartition.copy copy, pgpartition.is_new whether the copy is new and empty, pgpartition.triggers names of the sync triggers, pgpartition.known columns that they were created
-- for, pgpartition.checks names that the check of the bounds of a plain table can have.
--
-- The search path must be pg_catalog, so that deparsed names have their schemas. Each deparsing function briefly locks its
-- table in ACCESS SHARE mode.
WITH side AS MATERIALIZED (
    SELECT c.oid, c.oid = pgpartition.source AS is_source, c.relname, c.relnamespace, c.relowner, c.relacl, c.relrowsecurity,
           c.relreplident, c.reltablespace, c.relam, c.relkind
    FROM pg_class AS c
    WHERE c.oid IN (pgpartition.source, pgpartition.copy)
),
copy AS MATERIALIZED (SELECT s.*, s.oid::regclass::text AS name FROM side AS s WHERE NOT s.is_source),
-- Columns renamed since the sync triggers were created: the triggers have the column numbers of pgpartition.known.
renamed AS MATERIALIZED (
    SELECT DISTINCT c.attname AS old, s.attname AS new, s.attnum AS number
    FROM pg_trigger AS g
    CROSS JOIN unnest(g.tgattr::int2[], pgpartition.known::name[]) AS k (attnum, known)
    JOIN pg_attribute AS s ON s.attrelid = pgpartition.source AND s.attnum = k.attnum AND s.attname <> k.known
    JOIN pg_attribute AS c ON c.attrelid = pgpartition.copy AND c.attname = k.known AND c.atttypid = s.atttypid
        AND c.atttypmod = s.atttypmod AND c.attcollation = s.attcollation AND c.attgenerated = ''''''''
    WHERE g.tgrelid = pgpartition.source AND g.tgname = ANY (pgpartition.triggers) AND cardinality(g.tgattr::int2[]) = cardinality(pgpartition.known::name[])
),
-- Columns; those of the copy with their new names.
cols AS MATERIALIZED (
    SELECT s.is_source, a.attrelid, a.attnum, coalesce(r.new, a.attname) AS attname, a.attnotnull, a.attidentity, a.attgenerated, a.attstorage,
           a.attcompression, coalesce(a.attstattarget, -1) AS target, a.attoptions, a.attacl, t.typtype,
           format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attcollation <> t.typcollation THEN '''' COLLATE '''' || a.attcollation::regcollation ELSE '''''''' END
               AS type,
           pg_get_expr(d.adbin, d.adrelid) AS expression,
           -- Value in rows older than the column: an array of one element.
           CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END AS missing,
           coalesce('''' CONSTRAINT '''' || quote_ident(n.conname), '''''''') || '''' NOT NULL'''' AS not_null,
           t.typtype = ''''d'''' AND (t.typnotnull OR base.typtype = ''''d'''' OR EXISTS (
               SELECT FROM pg_constraint AS con WHERE con.contypid = t.oid
           )) AS has_condition
    FROM side AS s
    JOIN pg_attribute AS a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN renamed AS r ON r.old = a.attname AND NOT s.is_source
    LEFT JOIN pg_type AS base ON base.oid = t.typbasetype
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    -- Since Postgres 18.
    LEFT JOIN pg_constraint AS n ON n.conrelid = a.attrelid AND n.contype = ''''n'''' AND n.conkey = ARRAY[a.attnum]
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
    WHERE p.partrelid = pgpartition.copy
    UNION
    SELECT k.attnum
    FROM pg_index AS x, unnest(x.indkey) AS k (attnum)
    WHERE x.indrelid = pgpartition.copy AND x.indisunique
),
-- Checks that replace NOT NULL until they are valid.
stand_ins AS MATERIALIZED (
    SELECT con.conname, con.convalidated, con.conkey[1] AS attnum
    FROM pg_constraint AS con
    WHERE con.conrelid = pgpartition.copy AND con.contype = ''''c'''' AND con.conname = ''''pgpartition_not_null_'''' || con.conkey[1]
),
-- Partitions of the copy.
leaves AS MATERIALIZED (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind = ''''r'''' AS is_table
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = pgpartition.copy
),
-- Foreign keys of single partitions of the copy: the copy gets each when all of them are valid.
leaf_keys AS MATERIALIZED (
    SELECT l.oid, l.name, con.conname, con.convalidated,
           regexp_replace(pg_get_constraintdef(con.oid), '''' NOT VALID$'''', '''''''') AS definition
    FROM leaves AS l
    JOIN pg_constraint AS con ON con.conrelid = l.oid AND con.contype = ''''f'''' AND con.conparentid = 0
),
policies AS MATERIALIZED (
    SELECT s.is_source, p.polname,
           CASE WHEN p.polpermissive THEN '''''''' ELSE '''' AS RESTRICTIVE'''' END
               || '''' FOR '''' || CASE p.polcmd WHEN ''''r'''' THEN ''''SELECT'''' WHEN ''''a'''' THEN ''''INSERT'''' WHEN ''''w'''' THEN ''''UPDATE''''
                                           WHEN ''''d'''' THEN ''''DELETE'''' ELSE ''''ALL'''' END
               || '''' TO '''' || (
                   SELECT string_agg(CASE r.oid WHEN 0 THEN ''''PUBLIC'''' ELSE quote_ident(pg_get_userbyid(r.oid)) END, '''', ''''
                                     ORDER BY r.oid)
                   FROM unnest(p.polroles) AS r (oid)
               )
               || coalesce('''' USING ('''' || pg_get_expr(p.polqual, named.oid) || '''')'''', '''''''')
               || coalesce('''' WITH CHECK ('''' || pg_get_expr(p.polwithcheck, named.oid) || '''')'''', '''''''') AS definition,
           named.oid <> pgpartition.copy AND concat(p.polqual, p.polwithcheck) LIKE ''''%{SUBLINK %'''' AS names_source
    FROM side AS s
    JOIN pg_policy AS p ON p.polrelid = s.oid
    CROSS JOIN numbers AS n
    CROSS JOIN LATERAL (SELECT CASE WHEN n.are_equal THEN pgpartition.copy ELSE s.oid END AS oid) AS named
),
constraints AS MATERIALIZED (
    SELECT s.is_source, con.oid, con.conname, con.contype,
           -- Postgres rejects a check of the whole row (column 0) on a table with partitions.
           strpos(con.conbin::text, '''':varattno 0 '''') > 0 AS is_of_row,
           -- Its validity on the source does not matter for the copy, which validates its own check later.
           CASE WHEN s.is_source THEN pg_get_constraintdef(con.oid)
                ELSE regexp_replace(pg_get_constraintdef(con.oid), '''' NOT VALID$'''', '''''''') END AS definition
    FROM side AS s
    JOIN pg_constraint AS con ON con.conrelid = s.oid
    WHERE (con.contype = ''''c'''' AND con.conname NOT IN (SELECT i.conname FROM stand_ins AS i)
           -- The bounds check that the operator adds to a plain table before an attach; an interrupted run can have left it.
           AND con.conname <> ALL (pgpartition.checks))
       OR (con.contype = ''''f'''' AND con.conparentid = 0 AND con.confrelid NOT IN (pgpartition.source, pgpartition.copy))
),
sequences AS MATERIALIZED (
    SELECT k.is_source, k.attname, k.type, q.seqrelid::regclass AS sequence,
           format(''''START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s'''', q.seqstart, q.seqincrement,
                  q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN ''''CYCLE'''' ELSE ''''NO CYCLE'''' END) AS options,
           CASE k.attidentity WHEN ''''a'''' THEN ''''ALWAYS'''' ELSE ''''BY DEFAULT'''' END AS generated
    FROM cols AS k
    JOIN pg_depend AS d ON d.refclassid = ''''pg_class''''::regclass AND d.refobjid = k.attrelid AND d.refobjsubid = k.attnum
        AND d.classid = ''''pg_class''''::regclass AND d.deptype = ''''i''''
    JOIN pg_sequence AS q ON q.seqrelid = d.objid
    WHERE k.attidentity <> ''''''''
),
-- Privileges on the tables, their columns, and the sequences of identity columns.
granted AS (
    SELECT s.is_source, ''''TABLE '''' || c.name AS "on", s.relowner AS owner, '''''''' AS columns, acl.*
    FROM side AS s
    CROSS JOIN copy AS c
    CROSS JOIN aclexplode(s.relacl) AS acl
    UNION ALL
    SELECT k.is_source, ''''TABLE '''' || c.name, s.relowner, format('''' (%I)'''', k.attname), acl.*
    FROM side AS s
    JOIN cols AS k USING (is_source)
    CROSS JOIN copy AS c
    CROSS JOIN aclexplode(k.attacl) AS acl
    WHERE k.attname IN (SELECT p.attname FROM paired AS p)
    UNION ALL
    SELECT k.is_source, ''''SEQUENCE '''' || p.sequence, q.relowner, '''''''', acl.*
    FROM sequences AS k
    JOIN sequences AS p ON p.attname = k.attname AND NOT p.is_source
    JOIN pg_class AS q ON q.oid = k.sequence
    CROSS JOIN aclexplode(q.relacl) AS acl
),
-- Several roles can have granted one privilege on the source. On the copy, the owner grants it.
grants AS (
    SELECT g.is_source, g."on", concat(g.privilege_type, g.columns) AS privilege, bool_or(g.is_grantable) AS is_grantable,
           CASE g.grantee WHEN 0 THEN ''''PUBLIC'''' ELSE quote_ident(r.rolname) END AS grantee
    FROM granted AS g
    LEFT JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE g.grantee <> g.owner AND (g.grantee = 0 OR r.oid IS NOT NULL) AND (g.is_source OR g.grantor = g.owner)
    GROUP BY 1, 2, 3, 5
),
statistics AS (
    SELECT s.is_source, x.oid, x.stxname, coalesce(x.target, -1) AS target,
           concat((
               SELECT ''''('''' || string_agg(CASE k WHEN ''''d'''' THEN ''''ndistinct'''' WHEN ''''f'''' THEN ''''dependencies'''' ELSE ''''mcv'''' END, '''', ''''
                                        ORDER BY k) || '''') ''''
               FROM unnest(x.stxkind) AS k WHERE k IN (''''d'''', ''''f'''', ''''m'''')
           ), ''''ON '''', pg_get_statisticsobjdef_columns(x.oid)) AS definition,
           format(''''%I.%I'''', n.nspname, x.stxname) AS name
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
    SELECT s.is_source, ''''TABLE '''' || c.name AS "on", (
               SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
               FROM unnest(string_to_array(d.description, E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
               WHERE NOT starts_with(l.line, ''''pgpartition.dev '''')
           ) AS text, (
               SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
               FROM unnest(string_to_array(obj_description(c.oid, ''''pg_class''''), E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
               WHERE starts_with(l.line, ''''pgpartition.dev '''')
           ) AS marks
    FROM side AS s
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = s.oid AND d.objsubid = 0
    UNION ALL
    SELECT k.is_source, format(''''COLUMN %s.%I'''', c.name, k.attname), d.description, NULL
    FROM cols AS k
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = k.attrelid AND d.objsubid = k.attnum
    WHERE k.attname IN (SELECT p.attname FROM paired AS p)
    UNION ALL
    SELECT k.is_source, format(''''CONSTRAINT %I ON %s'''', k.conname, c.name), d.description, NULL
    FROM constraints AS k
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_constraint''''::regclass AND d.objoid = k.oid
    WHERE (pgpartition.is_new OR k.contype = ''''c'''') AND k.definition NOT LIKE ''''% NOT VALID''''
       OR k.conname IN (SELECT o.conname FROM constraints AS o WHERE NOT o.is_source)
    UNION ALL
    SELECT s.is_source, format(''''POLICY %I ON %s'''', p.polname, c.name), d.description, NULL
    FROM side AS s
    JOIN pg_policy AS p ON p.polrelid = s.oid
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_policy''''::regclass AND d.objoid = p.oid
    WHERE p.polname NOT IN (SELECT o.polname FROM policies AS o WHERE o.is_source AND o.names_source)
       OR p.polname IN (SELECT o.polname FROM policies AS o WHERE NOT o.is_source)
    UNION ALL
    SELECT k.is_source, ''''STATISTICS '''' || p.name, d.description, NULL
    FROM statistics AS k
    JOIN statistics AS p ON p.definition = k.definition AND NOT p.is_source
    JOIN pg_description AS d ON d.classoid = ''''pg_statistic_ext''''::regclass AND d.objoid = k.oid
    UNION ALL
    SELECT k.is_source, ''''SEQUENCE '''' || p.sequence, d.description, NULL
    FROM sequences AS k
    JOIN sequences AS p ON p.attname = k.attname AND NOT p.is_source
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = k.sequence
),
alterations AS MATERIALIZED (
    SELECT k.is_source, 20 AS place, ''''notNull'''' AS kind, k.attname::text AS object, '''''''' AS definition,
           CASE WHEN i.convalidated THEN format(''''ALTER COLUMN %1$I SET NOT NULL; ALTER TABLE %2$s DROP CONSTRAINT %3$I'''',
                                                k.attname, c.name, i.conname)
                WHEN i.conname IS NULL THEN format(''''ADD CONSTRAINT %I CHECK (%I IS NOT NULL) NOT VALID'''',
                                                   ''''pgpartition_not_null_'''' || p.attnum, k.attname) END AS make,
           CASE WHEN p.attnum NOT IN (SELECT in_key.attnum FROM in_key)
                THEN format(''''ALTER COLUMN %I DROP NOT NULL'''', k.attname) END AS undo,
           NOT k.is_source AS refuse
    FROM cols AS k
    CROSS JOIN copy AS c
    JOIN cols AS p ON p.attname = k.attname AND NOT p.is_source
    LEFT JOIN stand_ins AS i ON i.attnum = p.attnum
    WHERE k.attnotnull AND k.attname IN (SELECT o.attname FROM paired AS o)
    UNION ALL
    SELECT false, 20, ''''notNull'''', k.attname, ''''not validated'''', NULL, format(''''DROP CONSTRAINT %I'''', i.conname), true
    FROM stand_ins AS i
    JOIN cols AS k ON k.attnum = i.attnum AND NOT k.is_source
    JOIN cols AS s ON s.attname = k.attname AND s.is_source AND NOT s.attnotnull
    UNION ALL
    SELECT k.is_source, 22, ''''default'''', k.attname, k.expression,
           format(''''ALTER COLUMN %I SET DEFAULT %s'''', k.attname, k.expression),
           format(''''ALTER COLUMN %I DROP DEFAULT'''', k.attname), true
    FROM cols AS k
    WHERE k.attgenerated = '''''''' AND k.expression IS NOT NULL AND k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    SELECT k.is_source, 24, ''''generated'''', k.attname, concat(k.attgenerated, k.expression),
           CASE WHEN k.attgenerated = ''''v'''' AND p.attgenerated = ''''v''''
                THEN format(''''ALTER COLUMN %I SET EXPRESSION AS (%s)'''', k.attname, k.expression) END,
           CASE WHEN k.attgenerated = ''''s'''' AND p.attgenerated = ''''''''
                THEN format(''''ALTER COLUMN %I DROP EXPRESSION'''', k.attname) END, p.attgenerated <> k.attgenerated OR k.is_source
    FROM cols AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    WHERE k.attgenerated <> ''''''''
    UNION ALL
    SELECT k.is_source, 26, ''''identity'''', k.attname, concat(k.generated, k.options),
           -- An identity column must first be NOT NULL.
           CASE WHEN NOT p.attnotnull THEN NULL
                WHEN p.attidentity = ''''''''
                THEN format(''''ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (%s)'''', k.attname, k.generated, k.options)
                ELSE format(''''ALTER COLUMN %I SET GENERATED %s SET %s'''', k.attname, k.generated, regexp_replace(
                    k.options, '''' (INCREMENT|MINVALUE|MAXVALUE|CACHE|NO CYCLE|CYCLE)'''', '''' SET \\\\1'''', ''''g'''')) END,
           CASE WHEN p.attidentity = '''''''' THEN format(''''ALTER COLUMN %I DROP IDENTITY'''', k.attname) END, false
    FROM sequences AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    UNION ALL
    SELECT k.is_source, 28, ''''storage'''', k.attname, concat(k.attstorage, k.attcompression),
           concat_ws('''', '''', format(''''ALTER COLUMN %I SET STORAGE %s'''', k.attname, CASE k.attstorage
                         WHEN ''''p'''' THEN ''''PLAIN'''' WHEN ''''e'''' THEN ''''EXTERNAL'''' WHEN ''''m'''' THEN ''''MAIN'''' ELSE ''''EXTENDED'''' END),
                     CASE WHEN k.attcompression <> p.attcompression
                          THEN format(''''ALTER COLUMN %I SET COMPRESSION %s'''', k.attname, CASE k.attcompression
                              WHEN ''''p'''' THEN ''''pglz'''' WHEN ''''l'''' THEN ''''lz4'''' ELSE ''''default'''' END) END), NULL, false
    FROM cols AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    UNION ALL
    SELECT k.is_source, 40, ''''statistics'''', k.attname, k.target::text,
           format(''''ALTER COLUMN %I SET STATISTICS %s'''', k.attname, k.target),
           format(''''ALTER COLUMN %I SET STATISTICS -1'''', k.attname), true
    FROM cols AS k
    WHERE k.target <> -1 AND k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    -- ANALYZE of a partitioned table uses n_distinct_inherited.
    SELECT k.is_source, 41, ''''statistics'''', k.attname, o.option, format(''''ALTER COLUMN %I SET (%s)'''', k.attname, o.option),
           format(''''ALTER COLUMN %I RESET (%s)'''', k.attname, split_part(o.option, ''''='''', 1)), true
    FROM cols AS k
    CROSS JOIN copy AS c
    CROSS JOIN LATERAL (
        SELECT o.option FROM unnest(k.attoptions) AS o (option)
        -- The plain table does not get options that the partitioned table has only because of its n_distinct.
        WHERE NOT (c.relkind = ''''r'''' AND k.attoptions @> ARRAY[replace(o.option, ''''n_distinct_inherited='''', ''''n_distinct='''')]
                   AND o.option LIKE ''''n\\\\_distinct\\\\_inherited=%'''' AND NOT EXISTS (
                       SELECT FROM cols AS p
                       WHERE NOT p.is_source AND p.attname = k.attname AND p.attoptions::text LIKE ''''%n\\\\_distinct\\\\_inherited=%''''))
        UNION
        SELECT replace(o.option, ''''n_distinct='''', ''''n_distinct_inherited='''') FROM unnest(k.attoptions) AS o (option)
        WHERE k.is_source AND c.relkind = ''''p'''' AND k.attoptions::text NOT LIKE ''''%n\\\\_distinct\\\\_inherited=%''''
    ) AS o
    WHERE k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    SELECT k.is_source, 50, CASE k.contype WHEN ''''c'''' THEN ''''check'''' ELSE ''''foreignKey'''' END, k.conname, k.definition,
           -- Rows of the source can violate a constraint that is not valid. Before Postgres 18, a foreign key of a partitioned
           -- table cannot be NOT VALID. If each partition has a valid one, Postgres reads no row.
           CASE WHEN k.definition LIKE ''''% NOT VALID'''' OR k.is_of_row THEN NULL
                WHEN k.contype = ''''c'''' OR pgpartition.is_new OR c.relkind = ''''r'''' OR NOT EXISTS (
                    SELECT FROM leaves AS l
                    WHERE NOT EXISTS (
                        SELECT FROM leaf_keys AS o
                        WHERE o.oid = l.oid AND o.convalidated AND o.conname = k.conname AND o.definition = k.definition
                    )
                )
                THEN format(''''ADD CONSTRAINT %I %s%s'''', k.conname, k.definition, CASE
                    WHEN pgpartition.is_new OR k.definition LIKE ''''%NOT ENFORCED'''' OR k.contype = ''''f'''' AND c.relkind = ''''p'''' THEN ''''''''
                    ELSE '''' NOT VALID'''' END) END,
           format(''''DROP CONSTRAINT %I'''', k.conname),
           k.is_source AND (k.contype = ''''c'''' OR k.definition LIKE ''''% NOT VALID'''' OR EXISTS (
               SELECT FROM leaves AS l WHERE NOT l.is_table
           ))
    FROM constraints AS k
    CROSS JOIN copy AS c
    UNION ALL
    SELECT s.is_source, 60, ''''rowSecurity'''', '''''''', '''''''', ''''ENABLE ROW LEVEL SECURITY'''', ''''DISABLE ROW LEVEL SECURITY'''', true
    FROM side AS s
    WHERE s.relrowsecurity
    UNION ALL
    SELECT s.is_source, 70, ''''replicaIdentity'''', '''''''', s.relreplident::text,
           ''''REPLICA IDENTITY '''' || CASE s.relreplident WHEN ''''f'''' THEN ''''FULL'''' WHEN ''''n'''' THEN ''''NOTHING'''' WHEN ''''d'''' THEN ''''DEFAULT''''
               ELSE ''''USING INDEX '''' || (
                   SELECT quote_ident(c.relname)
                   FROM pg_index AS x
                   JOIN pg_class AS c ON c.oid = x.indexrelid
                   WHERE x.indrelid = pgpartition.copy AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
                     AND x.indexprs IS NULL AND (SELECT bool_and(a.attnotnull) FROM pg_attribute AS a
                                                 WHERE a.attrelid = pgpartition.copy AND a.attnum = ANY (x.indkey[0:x.indnkeyatts - 1]))
                   ORDER BY x.indisprimary, x.indexrelid
                   LIMIT 1
               ) END, NULL, false
    FROM side AS s
    UNION ALL
    -- Postgres would rewrite the plain table.
    SELECT s.is_source, 72, ''''tablespace'''', '''''''', t.spcname,
           CASE WHEN c.relkind = ''''p'''' THEN format(''''SET TABLESPACE %I'''', t.spcname) END, NULL, s.is_source AND c.relkind = ''''r''''
    FROM side AS s
    CROSS JOIN copy AS c
    JOIN pg_database AS d ON d.datname = current_database()
    JOIN pg_tablespace AS t ON t.oid = CASE s.reltablespace WHEN 0 THEN d.dattablespace ELSE s.reltablespace END
    UNION ALL
    -- Before Postgres 17, a partitioned table has no access method.
    SELECT s.is_source, 74, ''''accessMethod'''', '''''''', coalesce(m.amname, current_setting(''''default_table_access_method'''')),
           CASE WHEN c.relkind = ''''p'''' THEN ''''SET ACCESS METHOD '''' || quote_ident(m.amname) END, NULL,
           s.is_source AND c.relkind = ''''r''''
    FROM side AS s
    CROSS JOIN copy AS c
    LEFT JOIN pg_am AS m ON m.oid = s.relam
    WHERE current_setting(''''server_version_num'''')::int >= 170000
    UNION ALL
    SELECT s.is_source, 76, ''''owner'''', '''''''', pg_get_userbyid(s.relowner), NULL, NULL, s.is_source
    FROM side AS s
),
others AS MATERIALIZED (
    SELECT true AS is_source, 50 AS place, ''''foreignKey'''' AS kind, k.conname::text AS object,
           concat(k.definition, '''' '''', l.name) AS definition,
           concat((
               SELECT format(''''ALTER TABLE %s DROP CONSTRAINT %I; '''', l.name, o.conname)
               FROM leaf_keys AS o WHERE o.oid = l.oid AND o.conname = k.conname
           ), format(''''ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID'''', l.name, k.conname, k.definition)) AS make,
           NULL AS undo, false AS refuse
    FROM constraints AS k
    JOIN leaves AS l ON l.is_table
    WHERE NOT pgpartition.is_new AND k.is_source AND k.contype = ''''f'''' AND k.definition NOT LIKE ''''% NOT VALID'''' AND NOT EXISTS (
        SELECT FROM leaf_keys AS o WHERE o.oid = l.oid AND o.conname = k.conname AND o.definition = k.definition
    ) AND NOT EXISTS (
        SELECT FROM constraints AS o WHERE NOT o.is_source AND o.conname = k.conname AND o.definition = k.definition
    )
    UNION ALL
    SELECT false, 51, ''''foreignKey'''', o.conname, concat(o.definition, '''' '''', o.name), NULL,
           format(''''ALTER TABLE %s DROP CONSTRAINT %I'''', o.name, o.conname), false
    FROM leaf_keys AS o
    WHERE NOT EXISTS (SELECT FROM constraints AS k WHERE k.is_source AND k.conname = o.conname)
    UNION ALL
    SELECT k.is_source, 42, ''''statistics'''', '''''''', k.definition,
           format(''''CREATE STATISTICS %I.%I %s FROM %s'''', n.nspname, CASE
               WHEN octet_length(named.name) < 64 AND NOT EXISTS (
                   SELECT FROM pg_statistic_ext AS x WHERE x.stxnamespace = n.oid AND x.stxname = named.name
               ) THEN named.name
               ELSE ''''pgpartition_statistics_'''' || k.oid END, k.definition, c.name),
           format(''''DROP STATISTICS %s'''', k.name), false
    FROM statistics AS k
    CROSS JOIN copy AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN side AS s ON s.is_source
    CROSS JOIN LATERAL (
        SELECT concat(c.relname, ''''_'''', CASE WHEN starts_with(k.stxname, s.relname || ''''_'''')
                                           THEN right(k.stxname, -1 - length(s.relname)) ELSE k.stxname END) AS name
    ) AS named
    UNION ALL
    SELECT k.is_source, 43, ''''statistics'''', k.definition, k.target::text,
           format(''''ALTER STATISTICS %s SET STATISTICS %s'''', p.name, k.target), NULL, false
    FROM statistics AS k
    JOIN statistics AS p ON p.definition = k.definition AND NOT p.is_source
    UNION ALL
    SELECT k.is_source, 62, ''''policy'''', k.polname, k.definition,
           CASE WHEN NOT k.names_source THEN format(''''CREATE POLICY %I ON %s%s'''', k.polname, c.name, k.definition) END,
           -- A restrictive policy that could not be created again stays.
           CASE WHEN k.polname NOT IN (SELECT p.polname FROM policies AS p WHERE p.is_source AND p.names_source)
                THEN format(''''DROP POLICY %I ON %s'''', k.polname, c.name) END, k.names_source
    FROM policies AS k
    CROSS JOIN copy AS c
    UNION ALL
    SELECT k.is_source, 64, ''''grant'''', concat(k."on", '''' '''', k.grantee), concat(k.privilege, k.is_grantable),
           format(''''GRANT %s ON %s TO %s%s'''', k.privilege, k."on", k.grantee,
                  CASE WHEN k.is_grantable THEN '''' WITH GRANT OPTION'''' ELSE '''''''' END),
           format(''''REVOKE %s ON %s FROM %s CASCADE'''', k.privilege, k."on", k.grantee), false
    FROM grants AS k
    UNION ALL
    SELECT k.is_source, 90, ''''comment'''', k."on", k.text,
           format(''''COMMENT ON %s IS %L'''', k."on", concat_ws(E''''\\\\n'''', k.marks, k.text)),
           format(''''COMMENT ON %s IS %L'''', k."on", k.marks), false
    FROM comments AS k
    WHERE k.text IS NOT NULL
),
properties AS MATERIALIZED (
    SELECT a.is_source, a.place, a.kind, a.object, a.definition, ''''ALTER TABLE '''' || c.name || '''' '''' || a.make AS make,
           ''''ALTER TABLE '''' || c.name || '''' '''' || a.undo AS undo, a.refuse
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
    CROSS JOIN unnest(string_to_array(obj_description(c.oid, ''''pg_class''''), E''''\\\\n'''')) AS l (line)
    CROSS JOIN unnest(string_to_array(l.line, '''' '''')) AS d (digest)
    WHERE starts_with(l.line, ''''pgpartition.dev same '''')
),
pairs AS MATERIALIZED (
    SELECT s.kind, s.object, s.definition, c.definition AS copied, left(encode(sha256(convert_to(
               concat_ws(E''''\\\\n'''', s.kind, s.object, least(s.definition, c.definition COLLATE "C"),
                         greatest(s.definition, c.definition COLLATE "C")), ''''UTF8'''')), ''''hex''''), 16) AS digest
    FROM properties AS s
    JOIN properties AS c ON NOT c.is_source AND c.kind = s.kind AND c.object = s.object
    WHERE s.is_source
),
columns AS MATERIALIZED (
    -- A user changes the columns of the plain table like those of the serving table.
    SELECT k.place, k.how, k.name, coalesce(k.reason, CASE WHEN f.relkind = ''''r'''' THEN ''''afterCutover'''' END) AS reason, k.action
    FROM copy AS f
    CROSS JOIN (
        SELECT 1 AS place, ''''renamed'''' AS how, r.new AS name, NULL AS reason, NULL AS action
        FROM renamed AS r
        UNION ALL
        SELECT 2, ''''dropped'''', k.attname, CASE WHEN k.attnum IN (SELECT i.attnum FROM in_key AS i) THEN ''''inKey'''' END,
               format(''''DROP COLUMN %I'''', k.attname)
        FROM cols AS k
        WHERE NOT k.is_source AND k.attname NOT IN (SELECT p.attname FROM paired AS p)
        UNION ALL
        SELECT 3, ''''added'''', k.attname, CASE WHEN k.attgenerated = ''''s'''' THEN ''''stored'''' WHEN k.has_condition THEN ''''domain'''' END,
               format(''''ADD COLUMN %I %s%s'''', k.attname, k.type, CASE k.attgenerated
                   WHEN ''''v'''' THEN format('''' GENERATED ALWAYS AS (%s) VIRTUAL'''', k.expression)
                   ELSE CASE WHEN k.missing IS NOT NULL THEN format('''' DEFAULT %L::%s%s'''', k.missing, k.type, CASE WHEN k.attnotnull
                       THEN k.not_null END) END END)
        FROM cols AS k
        WHERE k.is_source AND k.attname NOT IN (SELECT p.attname FROM paired AS p)
        UNION ALL
        SELECT 4, ''''retyped'''', p.attname, ''''retyped'''', NULL
        FROM paired AS p
        WHERE p.is_retyped
    ) AS k
),
unequal AS MATERIALIZED (
    SELECT p.place * CASE WHEN p.is_source THEN 1 ELSE -1 END AS place, p.kind, p.object, p.refuse,
           CASE WHEN NOT p.is_source THEN p.undo
                -- A definition can use a column that the copy cannot get.
                WHEN NOT EXISTS (SELECT FROM columns AS k WHERE k.how = ''''added'''' AND k.reason IS NOT NULL) THEN p.make
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
    SELECT k.place, format(''''ALTER TABLE %s %s'''', c.name, k.action) AS command
    FROM columns AS k
    CROSS JOIN copy AS c
    WHERE k.reason IS NULL AND NOT EXISTS (SELECT FROM renamed AS r)
    UNION ALL
    -- Renames go through an unused name, because two columns can have exchanged names.
    SELECT n.place, format(''''ALTER TABLE %s RENAME COLUMN %I TO %I'''', c.name, n.old, n.new)
    FROM renamed AS r
    CROSS JOIN copy AS c
    CROSS JOIN LATERAL (VALUES
        (0, r.old, ''''pgpartition_renamed_'''' || r.number), (1, ''''pgpartition_renamed_'''' || r.number, r.new)
    ) AS n (place, old, new)
    UNION ALL
    -- Definitions contain column names: they are compared again with the new names.
    SELECT u.place, u.command
    FROM unequal AS u
    WHERE u.command IS NOT NULL AND NOT EXISTS (SELECT FROM renamed AS r)
)
    SELECT (SELECT array_agg(k.command ORDER BY k.place, k.command) FROM commands AS k), (
        SELECT string_agg(DISTINCT p.digest, '''' '''' ORDER BY p.digest)
        FROM pairs AS p
        WHERE p.kind IN (''''check'''', ''''default'''', ''''policy'''') AND p.definition <> p.copied AND (
          p.digest IN (SELECT s.digest FROM same AS s) OR EXISTS (
            SELECT FROM unequal AS u
            WHERE u.kind = p.kind AND u.object = p.object AND u.place > 0 AND u.command IS NOT NULL
          )
        )
      )
      INTO pgpartition.commands, pgpartition.digests;
    EXIT WHEN pgpartition.commands IS NULL;
    IF pass = 4 THEN
      -- Definitions that still differ after they were created are those that Postgres deparses differently.
      pgpartition.texts := string_to_array(obj_description(pgpartition.copy, ''''pg_class''''), E''''\\\\n'''');
      EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', pgpartition.relation, concat_ws(E''''\\\\n'''', pgpartition.texts[1],
        ''''pgpartition.dev same '''' || pgpartition.digests, (
          SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
          FROM unnest(pgpartition.texts[2:]) WITH ORDINALITY AS l (line, at)
          WHERE NOT starts_with(l.line, ''''pgpartition.dev same '''')
        )));
      EXIT;
    END IF;
    FOREACH command IN ARRAY pgpartition.commands LOOP
      EXECUTE command;
    END LOOP;
  END LOOP;
  END work;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  PERFORM set_config(''''pgpartition.sync'''', '''''''', true);
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  IF EXISTS (
    SELECT FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
    WHERE g.tgdeferrable AND g.tgenabled <> ''''D'''' AND c.contype IN (''''t'''', ''''x'''') AND pg_stat_get_xact_tuples_inserted(g.tgrelid)
      + pg_stat_get_xact_tuples_updated(g.tgrelid) + pg_stat_get_xact_tuples_deleted(g.tgrelid) > 0
  ) THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''code of a constraint wrote to a table with a deferrable trigger or exclusion constraint'''';
  END IF;
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF; END $records$;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP; END $records$;
DELETE FROM pgpartition.conversions AS c WHERE c.schema_name = 'shop' AND c.table_name = 'orders';
-- install-sync
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '475ms';
SET LOCAL statement_timeout = '475ms';
LOCK TABLE ONLY "shop"."orders" IN SHARE ROW EXCLUSIVE MODE;
DO 'DECLARE other text; BEGIN SELECT format(''%s: trigger %I on %s uses it'', p.oid::regprocedure, g.tgname, g.tgrelid::regclass) INTO other FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''shop'' AND p.proname IN (''sync_to_partitioned_orders'', ''sync_to_partitioned_orders_truncate'', ''orders_partitioned_read_only'') AND g.tgparentid = 0 AND g.tgrelid NOT IN (''"shop"."orders"''::regclass, ''"shop"."orders_partitioned"''::regclass) LIMIT 1; IF FOUND THEN RAISE duplicate_function USING MESSAGE = concat(''cannot replace function '', other); END IF; END';
CREATE OR REPLACE FUNCTION "shop"."sync_to_partitioned_orders"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS '
#variable_conflict use_column
BEGIN
  IF TG_OP = ''INSERT'' THEN
    INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "placed_at") OVERRIDING SYSTEM VALUE
    SELECT s."id", s."org_id", s."placed_at"
    FROM "shop"."orders" AS s WHERE s."id" = NEW."id" AND s."org_id" = NEW."org_id"
    ON CONFLICT ("id", "org_id") DO NOTHING;
    IF FOUND THEN RETURN NULL; END IF;
  END IF;
  IF TG_OP = ''DELETE'' OR TG_OP = ''UPDATE'' AND (OLD."id", OLD."org_id") IS DISTINCT FROM (NEW."id", NEW."org_id") THEN
    IF NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = OLD."id" AND s."org_id" = OLD."org_id") THEN
      DELETE FROM "shop"."orders_partitioned" AS t WHERE t."id" = OLD."id" AND t."org_id" = OLD."org_id";
      IF NOT FOUND AND current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') THEN
        BEGIN
          INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "placed_at") OVERRIDING SYSTEM VALUE VALUES (OLD."id", OLD."org_id", OLD."placed_at") ON CONFLICT ("id", "org_id") DO NOTHING;
          DELETE FROM "shop"."orders_partitioned" AS t WHERE t."id" = OLD."id" AND t."org_id" = OLD."org_id";
        EXCEPTION WHEN integrity_constraint_violation THEN NULL;
        END;
      END IF;
    END IF;
    IF TG_OP = ''DELETE'' THEN RETURN NULL; END IF;
  END IF;
  INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "placed_at") OVERRIDING SYSTEM VALUE
    SELECT s."id", s."org_id", s."placed_at"
    FROM "shop"."orders" AS s WHERE s."id" = NEW."id" AND s."org_id" = NEW."org_id"
    ON CONFLICT ("id", "org_id") DO UPDATE SET "org_id" = EXCLUDED."org_id", "placed_at" = EXCLUDED."placed_at";
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "shop"."sync_to_partitioned_orders_truncate"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS '
#variable_conflict use_column
BEGIN
  IF EXISTS (SELECT FROM "shop"."orders") THEN
    DELETE FROM "shop"."orders_partitioned" AS t WHERE NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = t."id" AND s."org_id" = t."org_id");
    RETURN NULL;
  END IF;
  BEGIN
    LOCK TABLE "shop"."orders_partitioned" IN ACCESS EXCLUSIVE MODE NOWAIT;
    TRUNCATE "shop"."orders_partitioned";
  EXCEPTION WHEN lock_not_available THEN
    IF current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') THEN
      RAISE serialization_failure USING MESSAGE = ''could not truncate "shop"."orders_partitioned": another session holds a lock on it'';
    END IF;
    DELETE FROM "shop"."orders_partitioned";
  END;
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "shop"."orders_partitioned_read_only"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS '
BEGIN
  IF current_setting(''pgpartition.sync'', true) IS NOT DISTINCT FROM ''on'' THEN RETURN NULL; END IF;
  RAISE object_not_in_prerequisite_state USING MESSAGE = ''cannot write to table shop.orders_partitioned, which only the triggers of shop.orders write to: write to shop.orders'';
END
';
DO 'DECLARE command text; BEGIN FOR command IN SELECT format(''REVOKE ALL ON FUNCTION %s FROM %s'', p.oid::regprocedure, CASE a.grantee WHEN 0 THEN ''PUBLIC'' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault(''f'', p.proowner))) AS a WHERE p.oid IN (''"shop"."sync_to_partitioned_orders"()''::regprocedure, ''"shop"."sync_to_partitioned_orders_truncate"()''::regprocedure, ''"shop"."orders_partitioned_read_only"()''::regprocedure) AND a.grantee <> p.proowner LOOP EXECUTE command; END LOOP; END';
CREATE OR REPLACE TRIGGER "read_only_until_cutover" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "shop"."orders_partitioned" FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "shop"."orders_partitioned_read_only"();
ALTER TABLE ONLY "shop"."orders_partitioned" ENABLE ALWAYS TRIGGER "read_only_until_cutover";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders" AFTER INSERT OR DELETE OR UPDATE OF "id", "org_id", "placed_at" ON "shop"."orders" FOR EACH ROW EXECUTE FUNCTION "shop"."sync_to_partitioned_orders"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders_truncate" AFTER TRUNCATE ON "shop"."orders" FOR EACH STATEMENT EXECUTE FUNCTION "shop"."sync_to_partitioned_orders_truncate"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders_truncate";
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF; END $records$;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP; END $records$;
INSERT INTO pgpartition.conversions AS c (schema_name, table_name, sync) SELECT 'shop', 'orders', jsonb_build_object('level', '"Row"'::jsonb, 'columns', '["id","org_id","placed_at"]'::jsonb, 'triggers', (SELECT jsonb_object_agg(w.name, jsonb_build_object('oid', g.oid::bigint, 'xmin', g.xmin::text::bigint, 'digest', w.digest)) FROM jsonb_to_recordset('[{"digest":"e26c5ccb0284e1ee","name":"read_only_until_cutover","relation":"orders_partitioned"},{"digest":"b913c08f85ff5954","name":"sync_to_partitioned_orders","relation":"orders"},{"digest":"57e950645ae9176e","name":"sync_to_partitioned_orders_truncate","relation":"orders"}]'::jsonb) AS w (relation text, name text, digest text) JOIN pg_namespace AS n ON n.nspname = 'shop' JOIN pg_class AS r ON r.relnamespace = n.oid AND r.relname = w.relation JOIN pg_trigger AS g ON g.tgrelid = r.oid AND g.tgname = w.name), 'functions', (SELECT jsonb_object_agg(w.name, jsonb_build_object('oid', p.oid::bigint, 'xmin', p.xmin::text::bigint, 'digest', w.digest)) FROM jsonb_to_recordset('[{"digest":"79684b367a093bb0","name":"orders_partitioned_read_only"},{"digest":"64072d81b0c4806e","name":"sync_to_partitioned_orders"},{"digest":"4560e4f474e0768d","name":"sync_to_partitioned_orders_truncate"}]'::jsonb) AS w (name text, digest text) JOIN pg_namespace AS n ON n.nspname = 'shop' JOIN pg_proc AS p ON p.pronamespace = n.oid AND p.proname = w.name AND p.pronargs = 0)) ON CONFLICT (schema_name, table_name) DO UPDATE SET sync = excluded.sync, sweep = NULL, parity = NULL;
-- follow
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '223ms';
SET LOCAL statement_timeout = '475ms';
LOCK TABLE ONLY "shop"."orders" IN SHARE ROW EXCLUSIVE MODE;
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_66a3882b'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_66a3882b(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_66a3882b(E'DO E''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  source oid := ''''"shop"."orders"''''::regclass;
  copy oid := ''''"shop"."orders_partitioned"''''::regclass;
  is_new boolean := false;
  triggers text[] := ARRAY[''''sync_to_partitioned_orders'''', ''''sync_to_partitioned_orders_truncate'''', ''''sync_to_partitioned_orders_update'''', ''''sync_to_partitioned_orders_delete'''', ''''sync_to_partitioned_orders_move'''']::text[];
  known text[] := ARRAY[''''id'''', ''''org_id'''', ''''placed_at'''']::text[];
  checks text[] := ARRAY[''''pgpartition_of_7458f44cdbf1d509'''']::text[];
  relation text := ''''"shop"."orders_partitioned"'''';
  commands text[];
  command text;
  texts text[];
  digests text;
  has_key boolean;
BEGIN
  <<work>>
  BEGIN
  LOCK TABLE ONLY "shop"."orders" IN ACCESS SHARE MODE;
  IF pgpartition.is_new THEN
    -- Columns keep their numbers if subqueries of policies use them: expressions can then be deparsed for the copy.
    SELECT array_agg(CASE
        WHEN a.attisdropped THEN format(''''%I int'''', ''''pgpartition_dropped_'''' || a.attnum)
        ELSE concat(format(''''%I %s'''', a.attname, format_type(a.atttypid, a.atttypmod)),
          CASE WHEN a.attcollation <> t.typcollation THEN '''' COLLATE '''' || a.attcollation::regcollation END,
          CASE a.attgenerated WHEN ''''s'''' THEN format('''' GENERATED ALWAYS AS (%s) STORED'''', pg_get_expr(d.adbin, d.adrelid))
            WHEN ''''v'''' THEN format('''' GENERATED ALWAYS AS (%s) VIRTUAL'''', pg_get_expr(d.adbin, d.adrelid)) END,
          CASE WHEN a.attnotnull THEN coalesce('''' CONSTRAINT '''' || quote_ident(n.conname), '''''''') || '''' NOT NULL'''' END)
        END ORDER BY a.attnum)
      INTO pgpartition.texts
      FROM pg_attribute AS a
      LEFT JOIN pg_type AS t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      LEFT JOIN pg_constraint AS n ON n.conrelid = a.attrelid AND n.contype = ''''n'''' AND n.conkey = ARRAY[a.attnum]
      WHERE a.attrelid = pgpartition.source AND a.attnum > 0 AND (NOT a.attisdropped OR EXISTS (
        SELECT FROM pg_policy AS p WHERE p.polrelid = pgpartition.source AND concat(p.polqual, p.polwithcheck) LIKE ''''%{SUBLINK %''''
      ));
    EXECUTE concat(''''CREATE TABLE '''', pgpartition.relation, '''' ('''', array_to_string(pgpartition.texts, '''', ''''),
      '''') PARTITION BY '''', ''''HASH ("org_id")'''');
    copy := pgpartition.relation::regclass;
    EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', pgpartition.relation, ''''pgpartition.dev copy of shop.orders'''');
    SELECT array_agg(format(''''ALTER TABLE %s DROP COLUMN %I'''', pgpartition.relation, a.attname))
      INTO pgpartition.commands
      FROM pg_attribute AS a
      WHERE a.attrelid = pgpartition.copy AND a.attname IN (
        SELECT ''''pgpartition_dropped_'''' || o.attnum FROM pg_attribute AS o WHERE o.attrelid = pgpartition.source AND o.attisdropped
      );
    WITH indexes AS (
      SELECT x.indexrelid, c.relname, x.indisprimary, x.indisexclusion, con.oid AS constraint_oid, con.contype,
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          WHERE a.attrelid = pgpartition.source AND a.attnum = ANY (x.indkey[0:x.indnkeyatts - 1])) AS columns,
        -- Columns compared by equality.
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          JOIN unnest(x.indkey[0:x.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place) ON k.attnum = a.attnum
          LEFT JOIN pg_operator AS o ON o.oid = con.conexclop[k.place]
          WHERE a.attrelid = pgpartition.source AND (NOT x.indisexclusion OR o.oprname = ''''='''')) AS equal,
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          WHERE a.attrelid = pgpartition.source AND a.attnum = ANY (x.indkey[x.indnkeyatts:x.indnatts - 1])
            AND a.attname <> ALL (ARRAY[''''id'''', ''''org_id'''']::name[])) AS included,
        x.indisunique AND x.indimmediate AND x.indisvalid AND NOT x.indisexclusion AND x.indpred IS NULL
          AND x.indexprs IS NULL AS can_be_key,
        concat((SELECT format('''' WITH (%s)'''', string_agg(format(''''%I = %L'''', split_part(o.option, ''''='''', 1),
            substr(o.option, strpos(o.option, ''''='''') + 1)), '''', '''')) FROM unnest(c.reloptions) AS o (option) HAVING count(*) > 0),
          '''' USING INDEX TABLESPACE '''' || (SELECT quote_ident(s.spcname) FROM pg_tablespace AS s WHERE s.oid = c.reltablespace)
        ) AS parameters,
        concat(CASE WHEN con.condeferrable THEN '''' DEFERRABLE'''' END, CASE WHEN con.condeferred THEN '''' INITIALLY DEFERRED'''' END)
          AS deferrable
      FROM pg_index AS x
      JOIN pg_class AS c ON c.oid = x.indexrelid
      LEFT JOIN pg_constraint AS con ON con.conindid = x.indexrelid AND con.conrelid = pgpartition.source
      WHERE x.indrelid = pgpartition.source
    ), key AS (
      SELECT * FROM indexes AS i
      WHERE i.can_be_key AND i.columns @> ARRAY[''''id'''']::name[] AND i.columns <@ ARRAY[''''id'''']::name[]
      ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1
    )
    -- Indexes of partitions are named after the constraints. Postgres chooses another name if it is too long or taken.
    SELECT array_cat(pgpartition.commands, array_agg(concat(''''ALTER TABLE '''', pgpartition.relation, '''' ADD '''',
          CASE WHEN octet_length(n.name) < 64 AND NOT EXISTS (
            SELECT FROM pg_class AS c WHERE c.relnamespace = r.relnamespace AND c.relname = n.name
          ) THEN format(''''CONSTRAINT %I '''', n.name) END, k.definition)
        ORDER BY k.is_key DESC)), bool_or(k.is_key)
      INTO pgpartition.commands, pgpartition.has_key
      FROM (
        SELECT true AS is_key, i.relname, concat(CASE WHEN i.indisprimary THEN ''''PRIMARY KEY'''' ELSE ''''UNIQUE'''' END, '''' '''', ''''("id", "org_id")'''',
          (SELECT format('''' INCLUDE (%s)'''', string_agg(quote_ident(n.name), '''', '''')) FROM unnest(i.included) AS n (name)
            HAVING count(*) > 0), i.parameters) AS definition
        FROM key AS i
        UNION ALL
        SELECT false, i.relname, CASE WHEN i.contype = ''''x'''' THEN pg_get_constraintdef(i.constraint_oid)
          ELSE regexp_replace(pg_get_constraintdef(i.constraint_oid), ''''( DEFERRABLE)?( INITIALLY DEFERRED)?$'''', '''''''')
            || i.parameters || i.deferrable
          END
        FROM indexes AS i
        WHERE i.contype IN (''''p'''', ''''u'''', ''''x'''') AND i.indexrelid NOT IN (SELECT k.indexrelid FROM key AS k)
          AND i.equal @> ARRAY[''''org_id'''']::name[]
          AND (i.contype <> ''''x'''' OR current_setting(''''server_version_num'''')::int >= 170000)
      ) AS k
      JOIN pg_class AS r ON r.oid = pgpartition.copy
      JOIN pg_class AS s ON s.oid = pgpartition.source
      CROSS JOIN LATERAL (
        SELECT concat(r.relname, ''''_'''', CASE WHEN starts_with(k.relname, s.relname || ''''_'''')
          THEN right(k.relname, -1 - length(s.relname)) ELSE k.relname END) AS name
      ) AS n;
    IF pgpartition.has_key IS NOT TRUE THEN
      RAISE object_not_in_prerequisite_state USING MESSAGE = ''''the table has no valid unique index on its row key any more'''';
    END IF;
    FOREACH command IN ARRAY coalesce(pgpartition.commands, ''''{}'''') LOOP
      EXECUTE command;
    END LOOP;
  END IF;
  FOR pass IN 1..4 LOOP
-- Differences between the two tables of a conversion, and the commands that resolve them. The source is the serving table,
-- the copy the passive one: after the cutover, the copy is the plain table. A property has a kind, an object, and a
-- definition. A property that only the source has is created on the copy; one that only the copy has is removed.
-- pgpartition.source source, pgpartition.copy copy, pgpartition.is_new whether the copy is new and empty, pgpartition.triggers names of the sync triggers, pgpartition.known columns that they were created
-- for, pgpartition.checks names that the check of the bounds of a plain table can have.
--
-- The search path must be pg_catalog, so that deparsed names have their schemas. Each deparsing function briefly locks its
-- table in ACCESS SHARE mode.
WITH side AS MATERIALIZED (
    SELECT c.oid, c.oid = pgpartition.source AS is_source, c.relname, c.relnamespace, c.relowner, c.relacl, c.relrowsecurity,
           c.relreplident, c.reltablespace, c.relam, c.relkind
    FROM pg_class AS c
    WHERE c.oid IN (pgpartition.source, pgpartition.copy)
),
copy AS MATERIALIZED (SELECT s.*, s.oid::regclass::text AS name FROM side AS s WHERE NOT s.is_source),
-- Columns renamed since the sync triggers were created: the triggers have the column numbers of pgpartition.known.
renamed AS MATERIALIZED (
    SELECT DISTINCT c.attname AS old, s.attname AS new, s.attnum AS number
    FROM pg_trigger AS g
    CROSS JOIN unnest(g.tgattr::int2[], pgpartition.known::name[]) AS k (attnum, known)
    JOIN pg_attribute AS s ON s.attrelid = pgpartition.source AND s.attnum = k.attnum AND s.attname <> k.known
    JOIN pg_attribute AS c ON c.attrelid = pgpartition.copy AND c.attname = k.known AND c.atttypid = s.atttypid
        AND c.atttypmod = s.atttypmod AND c.attcollation = s.attcollation AND c.attgenerated = ''''''''
    WHERE g.tgrelid = pgpartition.source AND g.tgname = ANY (pgpartition.triggers) AND cardinality(g.tgattr::int2[]) = cardinality(pgpartition.known::name[])
),
-- Columns; those of the copy with their new names.
cols AS MATERIALIZED (
    SELECT s.is_source, a.attrelid, a.attnum, coalesce(r.new, a.attname) AS attname, a.attnotnull, a.attidentity, a.attgenerated, a.attstorage,
           a.attcompression, coalesce(a.attstattarget, -1) AS target, a.attoptions, a.attacl, t.typtype,
           format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attcollation <> t.typcollation THEN '''' COLLATE '''' || a.attcollation::regcollation ELSE '''''''' END
               AS type,
           pg_get_expr(d.adbin, d.adrelid) AS expression,
           -- Value in rows older than the column: an array of one element.
           CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END AS missing,
           coalesce('''' CONSTRAINT '''' || quote_ident(n.conname), '''''''') || '''' NOT NULL'''' AS not_null,
           t.typtype = ''''d'''' AND (t.typnotnull OR base.typtype = ''''d'''' OR EXISTS (
               SELECT FROM pg_constraint AS con WHERE con.contypid = t.oid
           )) AS has_condition
    FROM side AS s
    JOIN pg_attribute AS a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN renamed AS r ON r.old = a.attname AND NOT s.is_source
    LEFT JOIN pg_type AS base ON base.oid = t.typbasetype
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    -- Since Postgres 18.
    LEFT JOIN pg_constraint AS n ON n.conrelid = a.attrelid AND n.contype = ''''n'''' AND n.conkey = ARRAY[a.attnum]
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
    WHERE p.partrelid = pgpartition.copy
    UNION
    SELECT k.attnum
    FROM pg_index AS x, unnest(x.indkey) AS k (attnum)
    WHERE x.indrelid = pgpartition.copy AND x.indisunique
),
-- Checks that replace NOT NULL until they are valid.
stand_ins AS MATERIALIZED (
    SELECT con.conname, con.convalidated, con.conkey[1] AS attnum
    FROM pg_constraint AS con
    WHERE con.conrelid = pgpartition.copy AND con.contype = ''''c'''' AND con.conname = ''''pgpartition_not_null_'''' || con.conkey[1]
),
-- Partitions of the copy.
leaves AS MATERIALIZED (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind = ''''r'''' AS is_table
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = pgpartition.copy
),
-- Foreign keys of single partitions of the copy: the copy gets each when all of them are valid.
leaf_keys AS MATERIALIZED (
    SELECT l.oid, l.name, con.conname, con.convalidated,
           regexp_replace(pg_get_constraintdef(con.oid), '''' NOT VALID$'''', '''''''') AS definition
    FROM leaves AS l
    JOIN pg_constraint AS con ON con.conrelid = l.oid AND con.contype = ''''f'''' AND con.conparentid = 0
),
policies AS MATERIALIZED (
    SELECT s.is_source, p.polname,
           CASE WHEN p.polpermissive THEN '''''''' ELSE '''' AS RESTRICTIVE'''' END
               || '''' FOR '''' || CASE p.polcmd WHEN ''''r'''' THEN ''''SELECT'''' WHEN ''''a'''' THEN ''''INSERT'''' WHEN ''''w'''' THEN ''''UPDATE''''
                                           WHEN ''''d'''' THEN ''''DELETE'''' ELSE ''''ALL'''' END
               || '''' TO '''' || (
                   SELECT string_agg(CASE r.oid WHEN 0 THEN ''''PUBLIC'''' ELSE quote_ident(pg_get_userbyid(r.oid)) END, '''', ''''
                                     ORDER BY r.oid)
                   FROM unnest(p.polroles) AS r (oid)
               )
               || coalesce('''' USING ('''' || pg_get_expr(p.polqual, named.oid) || '''')'''', '''''''')
               || coalesce('''' WITH CHECK ('''' || pg_get_expr(p.polwithcheck, named.oid) || '''')'''', '''''''') AS definition,
           named.oid <> pgpartition.copy AND concat(p.polqual, p.polwithcheck) LIKE ''''%{SUBLINK %'''' AS names_source
    FROM side AS s
    JOIN pg_policy AS p ON p.polrelid = s.oid
    CROSS JOIN numbers AS n
    CROSS JOIN LATERAL (SELECT CASE WHEN n.are_equal THEN pgpartition.copy ELSE s.oid END AS oid) AS named
),
constraints AS MATERIALIZED (
    SELECT s.is_source, con.oid, con.conname, con.contype,
           -- Postgres rejects a check of the whole row (column 0) on a table with partitions.
           strpos(con.conbin::text, '''':varattno 0 '''') > 0 AS is_of_row,
           -- Its validity on the source does not matter for the copy, which validates its own check later.
           CASE WHEN s.is_source THEN pg_get_constraintdef(con.oid)
                ELSE regexp_replace(pg_get_constraintdef(con.oid), '''' NOT VALID$'''', '''''''') END AS definition
    FROM side AS s
    JOIN pg_constraint AS con ON con.conrelid = s.oid
    WHERE (con.contype = ''''c'''' AND con.conname NOT IN (SELECT i.conname FROM stand_ins AS i)
           -- The bounds check that the operator adds to a plain table before an attach; an interrupted run can have left it.
           AND con.conname <> ALL (pgpartition.checks))
       OR (con.contype = ''''f'''' AND con.conparentid = 0 AND con.confrelid NOT IN (pgpartition.source, pgpartition.copy))
),
sequences AS MATERIALIZED (
    SELECT k.is_source, k.attname, k.type, q.seqrelid::regclass AS sequence,
           format(''''START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s'''', q.seqstart, q.seqincrement,
                  q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN ''''CYCLE'''' ELSE ''''NO CYCLE'''' END) AS options,
           CASE k.attidentity WHEN ''''a'''' THEN ''''ALWAYS'''' ELSE ''''BY DEFAULT'''' END AS generated
    FROM cols AS k
    JOIN pg_depend AS d ON d.refclassid = ''''pg_class''''::regclass AND d.refobjid = k.attrelid AND d.refobjsubid = k.attnum
        AND d.classid = ''''pg_class''''::regclass AND d.deptype = ''''i''''
    JOIN pg_sequence AS q ON q.seqrelid = d.objid
    WHERE k.attidentity <> ''''''''
),
-- Privileges on the tables, their columns, and the sequences of identity columns.
granted AS (
    SELECT s.is_source, ''''TABLE '''' || c.name AS "on", s.relowner AS owner, '''''''' AS columns, acl.*
    FROM side AS s
    CROSS JOIN copy AS c
    CROSS JOIN aclexplode(s.relacl) AS acl
    UNION ALL
    SELECT k.is_source, ''''TABLE '''' || c.name, s.relowner, format('''' (%I)'''', k.attname), acl.*
    FROM side AS s
    JOIN cols AS k USING (is_source)
    CROSS JOIN copy AS c
    CROSS JOIN aclexplode(k.attacl) AS acl
    WHERE k.attname IN (SELECT p.attname FROM paired AS p)
    UNION ALL
    SELECT k.is_source, ''''SEQUENCE '''' || p.sequence, q.relowner, '''''''', acl.*
    FROM sequences AS k
    JOIN sequences AS p ON p.attname = k.attname AND NOT p.is_source
    JOIN pg_class AS q ON q.oid = k.sequence
    CROSS JOIN aclexplode(q.relacl) AS acl
),
-- Several roles can have granted one privilege on the source. On the copy, the owner grants it.
grants AS (
    SELECT g.is_source, g."on", concat(g.privilege_type, g.columns) AS privilege, bool_or(g.is_grantable) AS is_grantable,
           CASE g.grantee WHEN 0 THEN ''''PUBLIC'''' ELSE quote_ident(r.rolname) END AS grantee
    FROM granted AS g
    LEFT JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE g.grantee <> g.owner AND (g.grantee = 0 OR r.oid IS NOT NULL) AND (g.is_source OR g.grantor = g.owner)
    GROUP BY 1, 2, 3, 5
),
statistics AS (
    SELECT s.is_source, x.oid, x.stxname, coalesce(x.target, -1) AS target,
           concat((
               SELECT ''''('''' || string_agg(CASE k WHEN ''''d'''' THEN ''''ndistinct'''' WHEN ''''f'''' THEN ''''dependencies'''' ELSE ''''mcv'''' END, '''', ''''
                                        ORDER BY k) || '''') ''''
               FROM unnest(x.stxkind) AS k WHERE k IN (''''d'''', ''''f'''', ''''m'''')
           ), ''''ON '''', pg_get_statisticsobjdef_columns(x.oid)) AS definition,
           format(''''%I.%I'''', n.nspname, x.stxname) AS name
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
    SELECT s.is_source, ''''TABLE '''' || c.name AS "on", (
               SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
               FROM unnest(string_to_array(d.description, E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
               WHERE NOT starts_with(l.line, ''''pgpartition.dev '''')
           ) AS text, (
               SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
               FROM unnest(string_to_array(obj_description(c.oid, ''''pg_class''''), E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
               WHERE starts_with(l.line, ''''pgpartition.dev '''')
           ) AS marks
    FROM side AS s
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = s.oid AND d.objsubid = 0
    UNION ALL
    SELECT k.is_source, format(''''COLUMN %s.%I'''', c.name, k.attname), d.description, NULL
    FROM cols AS k
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = k.attrelid AND d.objsubid = k.attnum
    WHERE k.attname IN (SELECT p.attname FROM paired AS p)
    UNION ALL
    SELECT k.is_source, format(''''CONSTRAINT %I ON %s'''', k.conname, c.name), d.description, NULL
    FROM constraints AS k
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_constraint''''::regclass AND d.objoid = k.oid
    WHERE (pgpartition.is_new OR k.contype = ''''c'''') AND k.definition NOT LIKE ''''% NOT VALID''''
       OR k.conname IN (SELECT o.conname FROM constraints AS o WHERE NOT o.is_source)
    UNION ALL
    SELECT s.is_source, format(''''POLICY %I ON %s'''', p.polname, c.name), d.description, NULL
    FROM side AS s
    JOIN pg_policy AS p ON p.polrelid = s.oid
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_policy''''::regclass AND d.objoid = p.oid
    WHERE p.polname NOT IN (SELECT o.polname FROM policies AS o WHERE o.is_source AND o.names_source)
       OR p.polname IN (SELECT o.polname FROM policies AS o WHERE NOT o.is_source)
    UNION ALL
    SELECT k.is_source, ''''STATISTICS '''' || p.name, d.description, NULL
    FROM statistics AS k
    JOIN statistics AS p ON p.definition = k.definition AND NOT p.is_source
    JOIN pg_description AS d ON d.classoid = ''''pg_statistic_ext''''::regclass AND d.objoid = k.oid
    UNION ALL
    SELECT k.is_source, ''''SEQUENCE '''' || p.sequence, d.description, NULL
    FROM sequences AS k
    JOIN sequences AS p ON p.attname = k.attname AND NOT p.is_source
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = k.sequence
),
alterations AS MATERIALIZED (
    SELECT k.is_source, 20 AS place, ''''notNull'''' AS kind, k.attname::text AS object, '''''''' AS definition,
           CASE WHEN i.convalidated THEN format(''''ALTER COLUMN %1$I SET NOT NULL; ALTER TABLE %2$s DROP CONSTRAINT %3$I'''',
                                                k.attname, c.name, i.conname)
                WHEN i.conname IS NULL THEN format(''''ADD CONSTRAINT %I CHECK (%I IS NOT NULL) NOT VALID'''',
                                                   ''''pgpartition_not_null_'''' || p.attnum, k.attname) END AS make,
           CASE WHEN p.attnum NOT IN (SELECT in_key.attnum FROM in_key)
                THEN format(''''ALTER COLUMN %I DROP NOT NULL'''', k.attname) END AS undo,
           NOT k.is_source AS refuse
    FROM cols AS k
    CROSS JOIN copy AS c
    JOIN cols AS p ON p.attname = k.attname AND NOT p.is_source
    LEFT JOIN stand_ins AS i ON i.attnum = p.attnum
    WHERE k.attnotnull AND k.attname IN (SELECT o.attname FROM paired AS o)
    UNION ALL
    SELECT false, 20, ''''notNull'''', k.attname, ''''not validated'''', NULL, format(''''DROP CONSTRAINT %I'''', i.conname), true
    FROM stand_ins AS i
    JOIN cols AS k ON k.attnum = i.attnum AND NOT k.is_source
    JOIN cols AS s ON s.attname = k.attname AND s.is_source AND NOT s.attnotnull
    UNION ALL
    SELECT k.is_source, 22, ''''default'''', k.attname, k.expression,
           format(''''ALTER COLUMN %I SET DEFAULT %s'''', k.attname, k.expression),
           format(''''ALTER COLUMN %I DROP DEFAULT'''', k.attname), true
    FROM cols AS k
    WHERE k.attgenerated = '''''''' AND k.expression IS NOT NULL AND k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    SELECT k.is_source, 24, ''''generated'''', k.attname, concat(k.attgenerated, k.expression),
           CASE WHEN k.attgenerated = ''''v'''' AND p.attgenerated = ''''v''''
                THEN format(''''ALTER COLUMN %I SET EXPRESSION AS (%s)'''', k.attname, k.expression) END,
           CASE WHEN k.attgenerated = ''''s'''' AND p.attgenerated = ''''''''
                THEN format(''''ALTER COLUMN %I DROP EXPRESSION'''', k.attname) END, p.attgenerated <> k.attgenerated OR k.is_source
    FROM cols AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    WHERE k.attgenerated <> ''''''''
    UNION ALL
    SELECT k.is_source, 26, ''''identity'''', k.attname, concat(k.generated, k.options),
           -- An identity column must first be NOT NULL.
           CASE WHEN NOT p.attnotnull THEN NULL
                WHEN p.attidentity = ''''''''
                THEN format(''''ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (%s)'''', k.attname, k.generated, k.options)
                ELSE format(''''ALTER COLUMN %I SET GENERATED %s SET %s'''', k.attname, k.generated, regexp_replace(
                    k.options, '''' (INCREMENT|MINVALUE|MAXVALUE|CACHE|NO CYCLE|CYCLE)'''', '''' SET \\\\1'''', ''''g'''')) END,
           CASE WHEN p.attidentity = '''''''' THEN format(''''ALTER COLUMN %I DROP IDENTITY'''', k.attname) END, false
    FROM sequences AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    UNION ALL
    SELECT k.is_source, 28, ''''storage'''', k.attname, concat(k.attstorage, k.attcompression),
           concat_ws('''', '''', format(''''ALTER COLUMN %I SET STORAGE %s'''', k.attname, CASE k.attstorage
                         WHEN ''''p'''' THEN ''''PLAIN'''' WHEN ''''e'''' THEN ''''EXTERNAL'''' WHEN ''''m'''' THEN ''''MAIN'''' ELSE ''''EXTENDED'''' END),
                     CASE WHEN k.attcompression <> p.attcompression
                          THEN format(''''ALTER COLUMN %I SET COMPRESSION %s'''', k.attname, CASE k.attcompression
                              WHEN ''''p'''' THEN ''''pglz'''' WHEN ''''l'''' THEN ''''lz4'''' ELSE ''''default'''' END) END), NULL, false
    FROM cols AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    UNION ALL
    SELECT k.is_source, 40, ''''statistics'''', k.attname, k.target::text,
           format(''''ALTER COLUMN %I SET STATISTICS %s'''', k.attname, k.target),
           format(''''ALTER COLUMN %I SET STATISTICS -1'''', k.attname), true
    FROM cols AS k
    WHERE k.target <> -1 AND k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    -- ANALYZE of a partitioned table uses n_distinct_inherited.
    SELECT k.is_source, 41, ''''statistics'''', k.attname, o.option, format(''''ALTER COLUMN %I SET (%s)'''', k.attname, o.option),
           format(''''ALTER COLUMN %I RESET (%s)'''', k.attname, split_part(o.option, ''''='''', 1)), true
    FROM cols AS k
    CROSS JOIN copy AS c
    CROSS JOIN LATERAL (
        SELECT o.option FROM unnest(k.attoptions) AS o (option)
        -- The plain table does not get options that the partitioned table has only because of its n_distinct.
        WHERE NOT (c.relkind = ''''r'''' AND k.attoptions @> ARRAY[replace(o.option, ''''n_distinct_inherited='''', ''''n_distinct='''')]
                   AND o.option LIKE ''''n\\\\_distinct\\\\_inherited=%'''' AND NOT EXISTS (
                       SELECT FROM cols AS p
                       WHERE NOT p.is_source AND p.attname = k.attname AND p.attoptions::text LIKE ''''%n\\\\_distinct\\\\_inherited=%''''))
        UNION
        SELECT replace(o.option, ''''n_distinct='''', ''''n_distinct_inherited='''') FROM unnest(k.attoptions) AS o (option)
        WHERE k.is_source AND c.relkind = ''''p'''' AND k.attoptions::text NOT LIKE ''''%n\\\\_distinct\\\\_inherited=%''''
    ) AS o
    WHERE k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    SELECT k.is_source, 50, CASE k.contype WHEN ''''c'''' THEN ''''check'''' ELSE ''''foreignKey'''' END, k.conname, k.definition,
           -- Rows of the source can violate a constraint that is not valid. Before Postgres 18, a foreign key of a partitioned
           -- table cannot be NOT VALID. If each partition has a valid one, Postgres reads no row.
           CASE WHEN k.definition LIKE ''''% NOT VALID'''' OR k.is_of_row THEN NULL
                WHEN k.contype = ''''c'''' OR pgpartition.is_new OR c.relkind = ''''r'''' OR NOT EXISTS (
                    SELECT FROM leaves AS l
                    WHERE NOT EXISTS (
                        SELECT FROM leaf_keys AS o
                        WHERE o.oid = l.oid AND o.convalidated AND o.conname = k.conname AND o.definition = k.definition
                    )
                )
                THEN format(''''ADD CONSTRAINT %I %s%s'''', k.conname, k.definition, CASE
                    WHEN pgpartition.is_new OR k.definition LIKE ''''%NOT ENFORCED'''' OR k.contype = ''''f'''' AND c.relkind = ''''p'''' THEN ''''''''
                    ELSE '''' NOT VALID'''' END) END,
           format(''''DROP CONSTRAINT %I'''', k.conname),
           k.is_source AND (k.contype = ''''c'''' OR k.definition LIKE ''''% NOT VALID'''' OR EXISTS (
               SELECT FROM leaves AS l WHERE NOT l.is_table
           ))
    FROM constraints AS k
    CROSS JOIN copy AS c
    UNION ALL
    SELECT s.is_source, 60, ''''rowSecurity'''', '''''''', '''''''', ''''ENABLE ROW LEVEL SECURITY'''', ''''DISABLE ROW LEVEL SECURITY'''', true
    FROM side AS s
    WHERE s.relrowsecurity
    UNION ALL
    SELECT s.is_source, 70, ''''replicaIdentity'''', '''''''', s.relreplident::text,
           ''''REPLICA IDENTITY '''' || CASE s.relreplident WHEN ''''f'''' THEN ''''FULL'''' WHEN ''''n'''' THEN ''''NOTHING'''' WHEN ''''d'''' THEN ''''DEFAULT''''
               ELSE ''''USING INDEX '''' || (
                   SELECT quote_ident(c.relname)
                   FROM pg_index AS x
                   JOIN pg_class AS c ON c.oid = x.indexrelid
                   WHERE x.indrelid = pgpartition.copy AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
                     AND x.indexprs IS NULL AND (SELECT bool_and(a.attnotnull) FROM pg_attribute AS a
                                                 WHERE a.attrelid = pgpartition.copy AND a.attnum = ANY (x.indkey[0:x.indnkeyatts - 1]))
                   ORDER BY x.indisprimary, x.indexrelid
                   LIMIT 1
               ) END, NULL, false
    FROM side AS s
    UNION ALL
    -- Postgres would rewrite the plain table.
    SELECT s.is_source, 72, ''''tablespace'''', '''''''', t.spcname,
           CASE WHEN c.relkind = ''''p'''' THEN format(''''SET TABLESPACE %I'''', t.spcname) END, NULL, s.is_source AND c.relkind = ''''r''''
    FROM side AS s
    CROSS JOIN copy AS c
    JOIN pg_database AS d ON d.datname = current_database()
    JOIN pg_tablespace AS t ON t.oid = CASE s.reltablespace WHEN 0 THEN d.dattablespace ELSE s.reltablespace END
    UNION ALL
    -- Before Postgres 17, a partitioned table has no access method.
    SELECT s.is_source, 74, ''''accessMethod'''', '''''''', coalesce(m.amname, current_setting(''''default_table_access_method'''')),
           CASE WHEN c.relkind = ''''p'''' THEN ''''SET ACCESS METHOD '''' || quote_ident(m.amname) END, NULL,
           s.is_source AND c.relkind = ''''r''''
    FROM side AS s
    CROSS JOIN copy AS c
    LEFT JOIN pg_am AS m ON m.oid = s.relam
    WHERE current_setting(''''server_version_num'''')::int >= 170000
    UNION ALL
    SELECT s.is_source, 76, ''''owner'''', '''''''', pg_get_userbyid(s.relowner), NULL, NULL, s.is_source
    FROM side AS s
),
others AS MATERIALIZED (
    SELECT true AS is_source, 50 AS place, ''''foreignKey'''' AS kind, k.conname::text AS object,
           concat(k.definition, '''' '''', l.name) AS definition,
           concat((
               SELECT format(''''ALTER TABLE %s DROP CONSTRAINT %I; '''', l.name, o.conname)
               FROM leaf_keys AS o WHERE o.oid = l.oid AND o.conname = k.conname
           ), format(''''ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID'''', l.name, k.conname, k.definition)) AS make,
           NULL AS undo, false AS refuse
    FROM constraints AS k
    JOIN leaves AS l ON l.is_table
    WHERE NOT pgpartition.is_new AND k.is_source AND k.contype = ''''f'''' AND k.definition NOT LIKE ''''% NOT VALID'''' AND NOT EXISTS (
        SELECT FROM leaf_keys AS o WHERE o.oid = l.oid AND o.conname = k.conname AND o.definition = k.definition
    ) AND NOT EXISTS (
        SELECT FROM constraints AS o WHERE NOT o.is_source AND o.conname = k.conname AND o.definition = k.definition
    )
    UNION ALL
    SELECT false, 51, ''''foreignKey'''', o.conname, concat(o.definition, '''' '''', o.name), NULL,
           format(''''ALTER TABLE %s DROP CONSTRAINT %I'''', o.name, o.conname), false
    FROM leaf_keys AS o
    WHERE NOT EXISTS (SELECT FROM constraints AS k WHERE k.is_source AND k.conname = o.conname)
    UNION ALL
    SELECT k.is_source, 42, ''''statistics'''', '''''''', k.definition,
           format(''''CREATE STATISTICS %I.%I %s FROM %s'''', n.nspname, CASE
               WHEN octet_length(named.name) < 64 AND NOT EXISTS (
                   SELECT FROM pg_statistic_ext AS x WHERE x.stxnamespace = n.oid AND x.stxname = named.name
               ) THEN named.name
               ELSE ''''pgpartition_statistics_'''' || k.oid END, k.definition, c.name),
           format(''''DROP STATISTICS %s'''', k.name), false
    FROM statistics AS k
    CROSS JOIN copy AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN side AS s ON s.is_source
    CROSS JOIN LATERAL (
        SELECT concat(c.relname, ''''_'''', CASE WHEN starts_with(k.stxname, s.relname || ''''_'''')
                                           THEN right(k.stxname, -1 - length(s.relname)) ELSE k.stxname END) AS name
    ) AS named
    UNION ALL
    SELECT k.is_source, 43, ''''statistics'''', k.definition, k.target::text,
           format(''''ALTER STATISTICS %s SET STATISTICS %s'''', p.name, k.target), NULL, false
    FROM statistics AS k
    JOIN statistics AS p ON p.definition = k.definition AND NOT p.is_source
    UNION ALL
    SELECT k.is_source, 62, ''''policy'''', k.polname, k.definition,
           CASE WHEN NOT k.names_source THEN format(''''CREATE POLICY %I ON %s%s'''', k.polname, c.name, k.definition) END,
           -- A restrictive policy that could not be created again stays.
           CASE WHEN k.polname NOT IN (SELECT p.polname FROM policies AS p WHERE p.is_source AND p.names_source)
                THEN format(''''DROP POLICY %I ON %s'''', k.polname, c.name) END, k.names_source
    FROM policies AS k
    CROSS JOIN copy AS c
    UNION ALL
    SELECT k.is_source, 64, ''''grant'''', concat(k."on", '''' '''', k.grantee), concat(k.privilege, k.is_grantable),
           format(''''GRANT %s ON %s TO %s%s'''', k.privilege, k."on", k.grantee,
                  CASE WHEN k.is_grantable THEN '''' WITH GRANT OPTION'''' ELSE '''''''' END),
           format(''''REVOKE %s ON %s FROM %s CASCADE'''', k.privilege, k."on", k.grantee), false
    FROM grants AS k
    UNION ALL
    SELECT k.is_source, 90, ''''comment'''', k."on", k.text,
           format(''''COMMENT ON %s IS %L'''', k."on", concat_ws(E''''\\\\n'''', k.marks, k.text)),
           format(''''COMMENT ON %s IS %L'''', k."on", k.marks), false
    FROM comments AS k
    WHERE k.text IS NOT NULL
),
properties AS MATERIALIZED (
    SELECT a.is_source, a.place, a.kind, a.object, a.definition, ''''ALTER TABLE '''' || c.name || '''' '''' || a.make AS make,
           ''''ALTER TABLE '''' || c.name || '''' '''' || a.undo AS undo, a.refuse
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
    CROSS JOIN unnest(string_to_array(obj_description(c.oid, ''''pg_class''''), E''''\\\\n'''')) AS l (line)
    CROSS JOIN unnest(string_to_array(l.line, '''' '''')) AS d (digest)
    WHERE starts_with(l.line, ''''pgpartition.dev same '''')
),
pairs AS MATERIALIZED (
    SELECT s.kind, s.object, s.definition, c.definition AS copied, left(encode(sha256(convert_to(
               concat_ws(E''''\\\\n'''', s.kind, s.object, least(s.definition, c.definition COLLATE "C"),
                         greatest(s.definition, c.definition COLLATE "C")), ''''UTF8'''')), ''''hex''''), 16) AS digest
    FROM properties AS s
    JOIN properties AS c ON NOT c.is_source AND c.kind = s.kind AND c.object = s.object
    WHERE s.is_source
),
columns AS MATERIALIZED (
    -- A user changes the columns of the plain table like those of the serving table.
    SELECT k.place, k.how, k.name, coalesce(k.reason, CASE WHEN f.relkind = ''''r'''' THEN ''''afterCutover'''' END) AS reason, k.action
    FROM copy AS f
    CROSS JOIN (
        SELECT 1 AS place, ''''renamed'''' AS how, r.new AS name, NULL AS reason, NULL AS action
        FROM renamed AS r
        UNION ALL
        SELECT 2, ''''dropped'''', k.attname, CASE WHEN k.attnum IN (SELECT i.attnum FROM in_key AS i) THEN ''''inKey'''' END,
               format(''''DROP COLUMN %I'''', k.attname)
        FROM cols AS k
        WHERE NOT k.is_source AND k.attname NOT IN (SELECT p.attname FROM paired AS p)
        UNION ALL
        SELECT 3, ''''added'''', k.attname, CASE WHEN k.attgenerated = ''''s'''' THEN ''''stored'''' WHEN k.has_condition THEN ''''domain'''' END,
               format(''''ADD COLUMN %I %s%s'''', k.attname, k.type, CASE k.attgenerated
                   WHEN ''''v'''' THEN format('''' GENERATED ALWAYS AS (%s) VIRTUAL'''', k.expression)
                   ELSE CASE WHEN k.missing IS NOT NULL THEN format('''' DEFAULT %L::%s%s'''', k.missing, k.type, CASE WHEN k.attnotnull
                       THEN k.not_null END) END END)
        FROM cols AS k
        WHERE k.is_source AND k.attname NOT IN (SELECT p.attname FROM paired AS p)
        UNION ALL
        SELECT 4, ''''retyped'''', p.attname, ''''retyped'''', NULL
        FROM paired AS p
        WHERE p.is_retyped
    ) AS k
),
unequal AS MATERIALIZED (
    SELECT p.place * CASE WHEN p.is_source THEN 1 ELSE -1 END AS place, p.kind, p.object, p.refuse,
           CASE WHEN NOT p.is_source THEN p.undo
                -- A definition can use a column that the copy cannot get.
                WHEN NOT EXISTS (SELECT FROM columns AS k WHERE k.how = ''''added'''' AND k.reason IS NOT NULL) THEN p.make
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
    SELECT k.place, format(''''ALTER TABLE %s %s'''', c.name, k.action) AS command
    FROM columns AS k
    CROSS JOIN copy AS c
    WHERE k.reason IS NULL AND NOT EXISTS (SELECT FROM renamed AS r)
    UNION ALL
    -- Renames go through an unused name, because two columns can have exchanged names.
    SELECT n.place, format(''''ALTER TABLE %s RENAME COLUMN %I TO %I'''', c.name, n.old, n.new)
    FROM renamed AS r
    CROSS JOIN copy AS c
    CROSS JOIN LATERAL (VALUES
        (0, r.old, ''''pgpartition_renamed_'''' || r.number), (1, ''''pgpartition_renamed_'''' || r.number, r.new)
    ) AS n (place, old, new)
    UNION ALL
    -- Definitions contain column names: they are compared again with the new names.
    SELECT u.place, u.command
    FROM unequal AS u
    WHERE u.command IS NOT NULL AND NOT EXISTS (SELECT FROM renamed AS r)
)
    SELECT (SELECT array_agg(k.command ORDER BY k.place, k.command) FROM commands AS k), (
        SELECT string_agg(DISTINCT p.digest, '''' '''' ORDER BY p.digest)
        FROM pairs AS p
        WHERE p.kind IN (''''check'''', ''''default'''', ''''policy'''') AND p.definition <> p.copied AND (
          p.digest IN (SELECT s.digest FROM same AS s) OR EXISTS (
            SELECT FROM unequal AS u
            WHERE u.kind = p.kind AND u.object = p.object AND u.place > 0 AND u.command IS NOT NULL
          )
        )
      )
      INTO pgpartition.commands, pgpartition.digests;
    EXIT WHEN pgpartition.commands IS NULL;
    IF pass = 4 THEN
      -- Definitions that still differ after they were created are those that Postgres deparses differently.
      pgpartition.texts := string_to_array(obj_description(pgpartition.copy, ''''pg_class''''), E''''\\\\n'''');
      EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', pgpartition.relation, concat_ws(E''''\\\\n'''', pgpartition.texts[1],
        ''''pgpartition.dev same '''' || pgpartition.digests, (
          SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
          FROM unnest(pgpartition.texts[2:]) WITH ORDINALITY AS l (line, at)
          WHERE NOT starts_with(l.line, ''''pgpartition.dev same '''')
        )));
      EXIT;
    END IF;
    FOREACH command IN ARRAY pgpartition.commands LOOP
      EXECUTE command;
    END LOOP;
  END LOOP;
  END work;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  PERFORM set_config(''''pgpartition.sync'''', '''''''', true);
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  IF EXISTS (
    SELECT FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
    WHERE g.tgdeferrable AND g.tgenabled <> ''''D'''' AND c.contype IN (''''t'''', ''''x'''') AND pg_stat_get_xact_tuples_inserted(g.tgrelid)
      + pg_stat_get_xact_tuples_updated(g.tgrelid) + pg_stat_get_xact_tuples_deleted(g.tgrelid) > 0
  ) THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''code of a constraint wrote to a table with a deferrable trigger or exclusion constraint'''';
  END IF;
END
'''::pg_catalog.text);
-- validate-copy
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '950ms';
SET LOCAL statement_timeout = 0;
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_66a3882b'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_66a3882b(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_66a3882b('DO ''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  source oid := ''''"shop"."orders"''''::regclass;
  copy oid := ''''"shop"."orders_partitioned"''''::regclass;
  is_new boolean := false;
  triggers text[] := ARRAY[''''sync_to_partitioned_orders'''', ''''sync_to_partitioned_orders_truncate'''', ''''sync_to_partitioned_orders_update'''', ''''sync_to_partitioned_orders_delete'''', ''''sync_to_partitioned_orders_move'''']::text[];
  known text[] := ARRAY[]::text[];
  checks text[] := ARRAY[''''pgpartition_of_7458f44cdbf1d509'''']::text[];
  object record;
BEGIN
  <<work>>
  BEGIN
  FOR object IN SELECT c.conrelid::regclass AS relation, c.conname FROM pg_constraint AS c WHERE (c.conrelid = pgpartition.copy AND c.contype IN (''''c'''', ''''n'''', ''''f'''') OR c.contype = ''''f'''' AND c.conrelid IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = pgpartition.copy)) AND NOT c.convalidated AND pg_get_constraintdef(c.oid) LIKE ''''% NOT VALID'''' ORDER BY c.conrelid, c.conname LOOP
    EXECUTE format(''''ALTER TABLE %s VALIDATE CONSTRAINT %I'''', object.relation, object.conname);
  END LOOP;
  END work;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  PERFORM set_config(''''pgpartition.sync'''', '''''''', true);
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  IF EXISTS (
    SELECT FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
    WHERE g.tgdeferrable AND g.tgenabled <> ''''D'''' AND c.contype IN (''''t'''', ''''x'''') AND pg_stat_get_xact_tuples_inserted(g.tgrelid)
      + pg_stat_get_xact_tuples_updated(g.tgrelid) + pg_stat_get_xact_tuples_deleted(g.tgrelid) > 0
  ) THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''code of a constraint wrote to a table with a deferrable trigger or exclusion constraint'''';
  END IF;
END
'''::pg_catalog.text);
-- analyze
SET ROLE "shop_owner";
SET lock_timeout = '12000000ms';
SET statement_timeout = 0;
ANALYZE "shop"."orders_partitioned";
RESET lock_timeout;
RESET statement_timeout;
RESET ROLE;
-- end-sync
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '475ms';
SET LOCAL statement_timeout = '475ms';
LOCK TABLE ONLY "shop"."orders" IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_truncate" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_update" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_delete" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_move" ON "shop"."orders";
DROP TRIGGER IF EXISTS "read_only_until_cutover" ON "shop"."orders_partitioned";
DO 'DECLARE command text; BEGIN FOR command IN SELECT format(''DROP FUNCTION %s'', p.oid::regprocedure) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''shop'' AND p.proname IN (''sync_to_partitioned_orders'', ''sync_to_partitioned_orders_truncate'', ''sync_to_partitioned_orders_update'', ''sync_to_partitioned_orders_delete'', ''sync_to_partitioned_orders_move'', ''orders_partitioned_read_only'') AND p.pronargs = 0 AND p.prokind = ''f'' AND NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgfoid = p.oid AND g.tgrelid NOT IN (''"shop"."orders"''::regclass, ''"shop"."orders_partitioned"''::regclass)) LOOP EXECUTE command; END LOOP; END';
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF; END $records$;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP; END $records$;
DELETE FROM pgpartition.conversions AS c WHERE c.schema_name = 'shop' AND c.table_name = 'orders';
-- drop-copy
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '223ms';
SET LOCAL statement_timeout = '475ms';
LOCK TABLE "shop"."orders_partitioned" IN ACCESS EXCLUSIVE MODE;
DO E'DECLARE other regclass; BEGIN IF ''"shop"."orders_partitioned"''::regclass::oid <> 16400 THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''table shop.orders_partitioned is not the planned copy: plan again''; END IF; IF split_part(obj_description(16400, ''pg_class''), E''\\n'', 1) IS DISTINCT FROM ''pgpartition.dev copy of shop.orders'' THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''table shop.orders_partitioned is not marked as a copy, and is not dropped''; END IF; SELECT i.inhrelid INTO other FROM pg_inherits AS i WHERE i.inhparent = 16400 AND NOT EXISTS (SELECT FROM split_part(obj_description(i.inhrelid, ''pg_class''), E''\\n'', 1) AS marker WHERE starts_with(marker, ''pgpartition.dev '') AND strpos(marker, '' shop.orders '') > 0) LIMIT 1; IF FOUND THEN RAISE object_not_in_prerequisite_state USING MESSAGE = format(''partition %s of shop.orders_partitioned was not created for this table by the operator, and is not dropped: detach it, or drop it'', other); END IF; END';
DO 'BEGIN IF EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = ''"shop"."orders_partitioned"''::regclass AND g.tgname = ''read_only_until_cutover'') THEN DROP TRIGGER "read_only_until_cutover" ON "shop"."orders_partitioned"; DROP FUNCTION IF EXISTS "shop"."orders_partitioned_read_only"(); END IF; END';
DROP TABLE "shop"."orders_partitioned";
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF; END $records$;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP; END $records$;
DELETE FROM pgpartition.conversions AS c WHERE c.schema_name = 'shop' AND c.table_name = 'orders';
-- swap
SET LOCAL lock_timeout = '100ms';
SET LOCAL statement_timeout = '950ms';
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF; END $records$;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP; END $records$;
DO 'BEGIN PERFORM FROM pgpartition.conversions AS c WHERE c.schema_name = ''shop'' AND c.table_name = ''orders'' FOR UPDATE NOWAIT; PERFORM set_config(''pgpartition.recorded'', coalesce((SELECT jsonb_build_object(''sync'', c.sync, ''changed'', c.changed::text)::text FROM pgpartition.conversions AS c WHERE c.schema_name = ''shop'' AND c.table_name = ''orders''), ''''), true); END';
SET LOCAL ROLE "shop_owner";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_66a3882b'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_66a3882b(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_66a3882b(E'DO E''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  serving oid := 16384;
  passive oid := 16400;
  written numeric := (SELECT coalesce(sum(pg_stat_get_xact_tuples_inserted(r.oid) + pg_stat_get_xact_tuples_updated(r.oid)
      + pg_stat_get_xact_tuples_deleted(r.oid)), 0)
    FROM (
      SELECT g.tgrelid FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
      WHERE g.tgdeferrable AND c.contype IN (''''t'''', ''''x'''')
      UNION
      SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent IN (pgpartition.serving, pgpartition.passive)
      UNION
      SELECT unnest(ARRAY[pgpartition.serving, pgpartition.passive])
    ) AS r (oid));
  -- Deadline of all waits for locks together, which is that of a single wait.
  deadline timestamptz := clock_timestamp() + nullif(current_setting(''''lock_timeout''''), ''''0'''')::interval;
  recorded jsonb := nullif(current_setting(''''pgpartition.recorded'''', true), '''''''')::jsonb;
  -- Commands to run after the exchange. Names in definitions then refer to the other table.
  later text[] := ''''{}'''';
  views text[] := ''''{}'''';
  command text;
  object record;
  words text;
  marks text[];
  deferred jsonb;
BEGIN
  <<work>>
  BEGIN
  -- Views are locked first, in the order of their readers. ALTER VIEW … OWNER TO the same role only locks the view.
  FOR object IN
    SELECT DISTINCT v.oid::regclass AS name
    FROM pg_depend AS d
    JOIN pg_rewrite AS w ON w.oid = d.objid
    JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = ''''v''''
    WHERE d.classid = ''''pg_rewrite''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = pgpartition.serving
      AND d.deptype = ''''n'''' AND pg_get_userbyid(v.relowner) = current_user
    ORDER BY 1
  LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE format(''''ALTER VIEW %s OWNER TO CURRENT_USER'''', object.name);
  END LOOP;
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
  LOCK TABLE ONLY "shop"."orders" IN ACCESS EXCLUSIVE MODE;
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
  LOCK TABLE ONLY "shop"."orders_partitioned" IN ACCESS EXCLUSIVE MODE;
  IF to_regclass(''''"shop"."orders"'''')::oid IS DISTINCT FROM pgpartition.serving
    OR to_regclass(''''"shop"."orders_partitioned"'''')::oid IS DISTINCT FROM pgpartition.passive THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''a table was replaced by another one with the same name since the inspection: plan again'''';
  END IF;
  IF split_part(obj_description(pgpartition.passive, ''''pg_class''''), E''''\\\\n'''', 1) IS DISTINCT FROM ''''pgpartition.dev copy of shop.orders'''' THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = format(''''table %s is not marked as one of this conversion'''', ''''"shop"."orders_partitioned"'''');
  END IF;
  IF EXISTS (
    SELECT FROM jsonb_each(pgpartition.recorded->''''sync''''->''''triggers'''') AS r (name, was)
    WHERE NOT EXISTS (
      SELECT FROM pg_trigger AS g
      WHERE g.tgrelid IN (pgpartition.serving, pgpartition.passive) AND g.tgname = r.name AND g.tgenabled = ''''A''''
        AND g.oid::text = r.was->>''''oid'''' AND g.xmin::text = r.was->>''''xmin''''
    )
    UNION ALL
    SELECT FROM pg_inherits AS i
    JOIN pg_trigger AS g ON g.tgrelid = i.inhrelid
    WHERE i.inhparent = pgpartition.serving AND g.tgenabled <> ''''A'''' AND pgpartition.recorded->''''sync''''->''''triggers'''' ? g.tgname::text
    UNION ALL
    SELECT FROM jsonb_each(pgpartition.recorded->''''sync''''->''''functions'''') AS r (name, was)
    WHERE NOT EXISTS (
      SELECT FROM pg_proc AS p WHERE p.oid::text = r.was->>''''oid'''' AND p.xmin::text = r.was->>''''xmin''''
    )
  ) OR (pgpartition.recorded->''''sync''''->''''triggers'''' ?& ARRAY[''''sync_to_partitioned_orders'''', ''''sync_to_partitioned_orders_truncate'''', ''''read_only_until_cutover'''']::text[]) IS NOT TRUE THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''the sync triggers or functions differ from the installed ones: plan again'''';
  END IF;
  IF EXISTS (
    WITH columns AS (
      SELECT a.attrelid = pgpartition.serving AS serves, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attgenerated
      FROM pg_attribute AS a
      WHERE a.attrelid IN (pgpartition.serving, pgpartition.passive) AND a.attnum > 0 AND NOT a.attisdropped
    )
    SELECT FROM columns AS k
    GROUP BY k.attname, k.atttypid, k.atttypmod, k.attcollation, k.attgenerated
    HAVING count(*) <> 2 OR bool_or(k.attgenerated = '''''''' AND NOT pgpartition.recorded->''''sync''''->''''columns'''' ? k.attname::text)
  ) THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = ''''the columns of the two tables differ: plan again'''';
  END IF;
  -- A snapshot from before the last write of the operator does not see all rows of the table that gets the name. So such
  -- transactions must end first, and those of replicas as far as they are known.
  SELECT coalesce(''''process '''' || held.pid, ''''a replica'''') INTO pgpartition.words
    FROM (
      SELECT a.pid, a.backend_xmin AS xmin
      FROM pg_stat_activity AS a
      WHERE (a.datname = current_database() OR a.datname IS NULL) AND a.usename IS NOT NULL AND a.pid <> pg_backend_pid()
      UNION ALL
      SELECT NULL, s.xmin
      FROM pg_replication_slots AS s
      WHERE s.slot_type = ''''physical''''
    ) AS held
    WHERE age(held.xmin) >= pg_current_xact_id()::text::numeric - (pgpartition.recorded->>''''changed'''')::numeric
    LIMIT 1;
  IF FOUND THEN
    RAISE lock_not_available USING
      MESSAGE = concat(pgpartition.words,
        '''' has a snapshot from before the operator last wrote rows: end its transaction'''');
  END IF;

  -- Objects of the application on the serving table, as the catalog deparses them.
  FOR object IN
    SELECT g.tgname, g.tgenabled, pg_get_triggerdef(g.oid) AS definition, obj_description(g.oid, ''''pg_trigger'''') AS comment,
      p.tgname AS passive,
      replace(pg_get_triggerdef(g.oid), format('''' ON %s '''', g.tgrelid::regclass), '''' ON '''')
        = replace(pg_get_triggerdef(p.oid), format('''' ON %s '''', p.tgrelid::regclass), '''' ON '''') AS is_same
    FROM pg_trigger AS g
    LEFT JOIN pg_trigger AS p ON p.tgrelid = pgpartition.passive AND p.tgname = g.tgname AND NOT p.tgisinternal
    WHERE g.tgrelid = pgpartition.serving AND NOT g.tgisinternal AND g.tgname <> ALL (ARRAY[''''sync_to_partitioned_orders'''', ''''sync_to_partitioned_orders_truncate'''', ''''sync_to_partitioned_orders_update'''', ''''sync_to_partitioned_orders_delete'''', ''''sync_to_partitioned_orders_move'''', ''''read_only_until_cutover'''', ''''sync_to_source_orders'''', ''''sync_to_source_orders_truncate'''', ''''sync_to_source_orders_update'''', ''''sync_to_source_orders_delete'''', ''''sync_to_source_orders_move'''', ''''read_only_since_cutover'''']::name[])
    ORDER BY g.tgname
  LOOP
    IF object.is_same IS NOT TRUE THEN
      IF object.passive IS NOT NULL THEN
        EXECUTE format(''''DROP TRIGGER %I ON "shop"."orders_partitioned"'''', object.tgname);
      END IF;
      later := later || object.definition
        || CASE WHEN object.comment IS NOT NULL THEN
          ARRAY[format(''''COMMENT ON TRIGGER %I ON %s IS %L'''', object.tgname, ''''"shop"."orders"'''', object.comment)] END;
    END IF;
    later := later || format(''''ALTER TABLE %s %s TRIGGER %I'''', ''''"shop"."orders"'''', CASE object.tgenabled WHEN ''''D'''' THEN ''''DISABLE''''
      WHEN ''''R'''' THEN ''''ENABLE REPLICA'''' WHEN ''''A'''' THEN ''''ENABLE ALWAYS'''' ELSE ''''ENABLE'''' END, object.tgname);
    EXECUTE format(''''ALTER TABLE ONLY "shop"."orders" DISABLE TRIGGER %I'''', object.tgname);
  END LOOP;
  FOR object IN
    SELECT v.oid::regclass AS name, v.reloptions, w.rulename, w.oid AS rule,
      -- A use of the whole row refers to column 0.
      strpos(w.ev_action::text, format('''':varattno 0 :vartype %s '''', t.reltype)) > 0 AS whole_row
    FROM pg_class AS t
    JOIN pg_rewrite AS w ON w.oid IN (
      SELECT d.objid FROM pg_depend AS d
      WHERE d.classid = ''''pg_rewrite''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = t.oid
    )
    JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = ''''v'''' AND v.relowner = t.relowner
    WHERE t.oid = pgpartition.serving
    ORDER BY v.oid, w.rulename
  LOOP
    IF object.rulename <> ''''_RETURN'''' THEN
      later := later || regexp_replace(pg_get_ruledef(object.rule), ''''^CREATE RULE'''', ''''CREATE OR REPLACE RULE'''');
    ELSIF NOT object.whole_row THEN
      views := views || concat(''''CREATE OR REPLACE VIEW '''', object.name,
        '''' WITH ('''' || array_to_string(object.reloptions, '''', '''') || '''')'''', '''' AS '''', pg_get_viewdef(object.name));
    END IF;
  END LOOP;
  SELECT pgpartition.later || coalesce(array_agg(pg_get_functiondef(p.oid) ORDER BY p.oid), ''''{}'''') INTO pgpartition.later
    FROM pg_class AS t
    JOIN pg_proc AS p ON p.proowner = t.relowner AND p.prosqlbody IS NOT NULL
    WHERE t.oid = pgpartition.serving AND EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = ''''pg_proc''''::regclass AND d.objid = p.oid AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = t.oid
    ) AND NOT EXISTS (
      SELECT FROM pg_depend AS d
      JOIN pg_type AS y ON y.oid = d.refobjid AND t.reltype IN (y.oid, y.typelem)
      WHERE d.classid = ''''pg_proc''''::regclass AND d.objid = p.oid AND d.refclassid = ''''pg_type''''::regclass
    );
  FOR object IN
    SELECT p.pubname, concat('''' ('''' || (
        SELECT string_agg(quote_ident(a.attname), '''', '''' ORDER BY a.attnum)
        FROM pg_attribute AS a WHERE a.attrelid = pgpartition.serving AND a.attnum = ANY (r.prattrs::int2[])
      ) || '''')'''', '''' WHERE ('''' || pg_get_expr(r.prqual, pgpartition.serving) || '''')'''') AS part
    -- Postgres 14 has no such columns.
    FROM (SELECT NULL::int2vector AS prattrs, NULL::pg_node_tree AS prqual) AS since_15
    CROSS JOIN LATERAL (SELECT r.prpubid, prattrs, prqual FROM pg_publication_rel AS r WHERE r.prrelid = pgpartition.serving) AS r
    JOIN pg_publication AS p ON p.oid = r.prpubid
    ORDER BY p.pubname
  LOOP
    EXECUTE format(''''ALTER PUBLICATION %I DROP TABLE %s'''', object.pubname, ''''"shop"."orders"'''');
    later := later || format(''''ALTER PUBLICATION %I ADD TABLE %s%s'''', object.pubname, ''''"shop"."orders"'''', object.part);
  END LOOP;
  -- A sequence that a column owns and both tables use, such as that of a serial column, becomes owned by the other column.
  SELECT pgpartition.later || coalesce(array_agg(
      format(''''ALTER SEQUENCE %s OWNED BY %s.%I'''', d.objid::regclass, ''''"shop"."orders"'''', a.attname) ORDER BY a.attnum), ''''{}'''')
    INTO pgpartition.later
    FROM pg_depend AS d
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = ''''S''''
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = ''''pg_class''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.deptype = ''''a''''
      AND d.refobjid = pgpartition.serving;
  -- Lines of the mark after the first are about the partitioned table and are kept in the comment of the passive one.
  words := obj_description(pgpartition.serving, ''''pg_class'''');
  SELECT array_agg(l.line ORDER BY l.at) FILTER (WHERE l.at > 1 AND NOT starts_with(l.line, ''''pgpartition.dev deferred '''')),
      max(substr(l.line, length(''''pgpartition.dev deferred '''') + 1)) FILTER (WHERE starts_with(l.line, ''''pgpartition.dev deferred ''''))
    INTO pgpartition.marks, pgpartition.deferred
    FROM unnest(string_to_array(obj_description(pgpartition.passive, ''''pg_class''''), E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
    WHERE starts_with(l.line, ''''pgpartition.dev '''');

  EXECUTE ''''DROP TRIGGER IF EXISTS "sync_to_partitioned_orders" ON "shop"."orders"'''';
  EXECUTE ''''DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_truncate" ON "shop"."orders"'''';
  EXECUTE ''''DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_update" ON "shop"."orders"'''';
  EXECUTE ''''DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_delete" ON "shop"."orders"'''';
  EXECUTE ''''DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_move" ON "shop"."orders"'''';
  EXECUTE ''''DROP TRIGGER IF EXISTS "read_only_until_cutover" ON "shop"."orders_partitioned"'''';
  EXECUTE ''''DO ''''''''DECLARE command text; BEGIN FOR command IN SELECT format(''''''''''''''''DROP FUNCTION %s'''''''''''''''', p.oid::regprocedure) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''''''''''''''''shop'''''''''''''''' AND p.proname IN (''''''''''''''''sync_to_partitioned_orders'''''''''''''''', ''''''''''''''''sync_to_partitioned_orders_truncate'''''''''''''''', ''''''''''''''''sync_to_partitioned_orders_update'''''''''''''''', ''''''''''''''''sync_to_partitioned_orders_delete'''''''''''''''', ''''''''''''''''sync_to_partitioned_orders_move'''''''''''''''', ''''''''''''''''orders_partitioned_read_only'''''''''''''''') AND p.pronargs = 0 AND p.prokind = ''''''''''''''''f'''''''''''''''' AND NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgfoid = p.oid AND g.tgrelid NOT IN (''''''''''''''''"shop"."orders"''''''''''''''''::regclass, ''''''''''''''''"shop"."orders_partitioned"''''''''''''''''::regclass)) LOOP EXECUTE command; END LOOP; END'''''''''''';
  -- Each identity column has a sequence: under the lock of its rename no session takes a number.
  FOR object IN
    WITH sequences AS (
      SELECT a.attrelid, a.attname, s.oid, s.relname
      FROM pg_attribute AS a
      JOIN pg_depend AS d ON d.refclassid = ''''pg_class''''::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
        AND d.classid = ''''pg_class''''::regclass AND d.deptype = ''''i''''
      JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = ''''S''''
      WHERE a.attrelid IN (pgpartition.serving, pgpartition.passive) AND a.attidentity <> ''''''''
    )
    SELECT s.oid AS serving, p.oid AS passive, s.relname AS name
    FROM sequences AS s
    JOIN sequences AS p ON p.attrelid = pgpartition.passive AND p.attname = s.attname
    WHERE s.attrelid = pgpartition.serving
    ORDER BY s.attname
  LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE format(''''ALTER SEQUENCE %s RENAME TO %I'''', object.serving::regclass, (SELECT CASE WHEN octet_length(n.name) < 64 AND NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_class AS t ON t.relnamespace = c.relnamespace WHERE t.oid = object.serving AND c.relname = n.name) THEN n.name ELSE concat(''''pgpartition_'''', object.serving) END FROM (SELECT concat(''''orders_source_'''', CASE WHEN starts_with(object.name, ''''orders_'''') THEN substr(object.name, 8) ELSE object.name END) AS name) AS n));
    -- A session that waits for this lock takes its numbers from the other sequence, which skips them here.
    EXECUTE format(''''SELECT setval(%1$s::oid, CASE WHEN n.next BETWEEN s.seqmin AND s.seqmax THEN n.next ELSE v.last_value END::bigint,
      v.is_called) FROM %2$s AS v, pg_sequence AS s, LATERAL (SELECT v.last_value + s.seqincrement::numeric * s.seqcache
      * current_setting(''''''''max_connections'''''''')::int AS next) AS n WHERE s.seqrelid = %1$s'''', object.passive, object.serving::regclass);
    EXECUTE format(''''ALTER SEQUENCE %s RENAME TO %I'''', object.passive::regclass, object.name);
  END LOOP;
  FOR object IN
    WITH indexes AS (
      SELECT x.indrelid, x.indexrelid, c.relname, x.indisprimary, x.indisunique,
        substr(pg_get_indexdef(x.indexrelid), 1 + length(format(''''CREATE %sINDEX %I ON %s%s USING '''',
          CASE WHEN x.indisunique THEN ''''UNIQUE '''' END, c.relname, CASE c.relkind WHEN ''''I'''' THEN ''''ONLY '''' END,
          x.indrelid::regclass))) AS shape,
        x.indisexclusion, CASE WHEN x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
          THEN ARRAY(SELECT a.attname
            FROM unnest(x.indkey[0:x.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
            ORDER BY k.place) END AS key
      FROM pg_index AS x
      JOIN pg_class AS c ON c.oid = x.indexrelid
      WHERE x.indrelid IN (pgpartition.serving, pgpartition.passive)
    ), keys AS (
      (SELECT i.indexrelid FROM indexes AS i WHERE i.indrelid = 16384 AND i.key @> ARRAY[''''id'''']::name[] AND i.key <@ ARRAY[''''id'''']::name[]
        ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1)
      UNION ALL
      (SELECT i.indexrelid FROM indexes AS i WHERE i.indrelid = 16400 AND i.key = ARRAY[''''id'''', ''''org_id'''']::name[]
        ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1)
    ), shapes AS (
      SELECT i.indrelid, i.indexrelid, i.relname,
        CASE WHEN i.indexrelid IN (SELECT k.indexrelid FROM keys AS k) THEN ''''key''''
          ELSE concat_ws('''' '''', i.indisunique, i.indisexclusion, i.shape) END AS shape
      FROM indexes AS i
    ), numbered AS (
      -- Among indexes of the same shape, those that a swap renamed come first.
      SELECT i.*, row_number() OVER (PARTITION BY i.indrelid, i.shape ORDER BY NOT starts_with(i.relname, p.relname || ''''_''''),
        NOT starts_with(i.relname, ''''pgpartition_''''), i.relname) AS number
      FROM shapes AS i
      JOIN pg_class AS p ON p.oid = pgpartition.passive
    )
    SELECT s.indexrelid AS serving, p.indexrelid AS passive, s.relname AS name,
      obj_description(s.indexrelid, ''''pg_class'''') AS comment, obj_description(c.oid, ''''pg_constraint'''') AS words,
      obj_description(k.oid, ''''pg_constraint'''') AS passive_words, k.oid AS passive_constraint
    FROM numbered AS s
    JOIN numbered AS p ON p.indrelid = pgpartition.passive AND p.shape = s.shape AND p.number = s.number
    LEFT JOIN pg_constraint AS c ON c.conindid = s.indexrelid AND c.conrelid = s.indrelid AND c.contype IN (''''p'''', ''''u'''', ''''x'''')
    LEFT JOIN pg_constraint AS k ON k.conindid = p.indexrelid AND k.conrelid = p.indrelid AND k.contype IN (''''p'''', ''''u'''', ''''x'''')
    WHERE s.indrelid = pgpartition.serving
    ORDER BY s.relname
  LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE format(''''ALTER INDEX %s RENAME TO %I'''', object.serving::regclass, (SELECT CASE WHEN octet_length(n.name) < 64 AND NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_class AS t ON t.relnamespace = c.relnamespace WHERE t.oid = object.serving AND c.relname = n.name) THEN n.name ELSE concat(''''pgpartition_'''', object.serving) END FROM (SELECT concat(''''orders_source_'''', CASE WHEN starts_with(object.name, ''''orders_'''') THEN substr(object.name, 8) ELSE object.name END) AS name) AS n));
    EXECUTE format(''''ALTER INDEX %s RENAME TO %I'''', object.passive::regclass, object.name);
    IF object.comment IS DISTINCT FROM obj_description(object.passive, ''''pg_class'''') THEN
      EXECUTE format(''''COMMENT ON INDEX %s IS %L'''', object.passive::regclass, object.comment);
    END IF;
    IF object.passive_constraint IS NOT NULL AND object.words IS DISTINCT FROM object.passive_words THEN
      EXECUTE format(''''COMMENT ON CONSTRAINT %I ON %s IS %L'''', object.name, ''''"shop"."orders_partitioned"'''', object.words);
    END IF;
  END LOOP;
  FOR object IN
    WITH shapes AS (
      SELECT x.oid, x.stxrelid, x.stxname, n.nspname,
        concat(x.stxkind, '''' '''', pg_get_statisticsobjdef_columns(x.oid)) AS shape
      FROM pg_statistic_ext AS x
      JOIN pg_namespace AS n ON n.oid = x.stxnamespace
      WHERE x.stxrelid IN (pgpartition.serving, pgpartition.passive)
    ), numbered AS (
      SELECT x.*, row_number() OVER (PARTITION BY x.stxrelid, x.shape ORDER BY NOT starts_with(x.stxname, p.relname || ''''_''''),
        NOT starts_with(x.stxname, ''''pgpartition_''''), x.stxname) AS number
      FROM shapes AS x
      JOIN pg_class AS p ON p.oid = pgpartition.passive
    )
    SELECT s.oid AS serving, s.stxname AS name, format(''''%I.%I'''', s.nspname, s.stxname) AS old,
      format(''''%I.%I'''', p.nspname, p.stxname) AS passive
    FROM numbered AS s
    JOIN numbered AS p ON p.stxrelid = pgpartition.passive AND p.shape = s.shape AND p.number = s.number
    WHERE s.stxrelid = pgpartition.serving
    ORDER BY s.stxname
  LOOP
    EXECUTE format(''''ALTER STATISTICS %s RENAME TO %I'''', object.old, (SELECT CASE WHEN octet_length(n.name) < 64 AND NOT EXISTS (SELECT FROM pg_statistic_ext AS c JOIN pg_statistic_ext AS t ON t.stxnamespace = c.stxnamespace WHERE t.oid = object.serving AND c.stxname = n.name) THEN n.name ELSE concat(''''pgpartition_'''', object.serving) END FROM (SELECT concat(''''orders_source_'''', CASE WHEN starts_with(object.name, ''''orders_'''') THEN substr(object.name, 8) ELSE object.name END) AS name) AS n));
    EXECUTE format(''''ALTER STATISTICS %s RENAME TO %I'''', object.passive, object.name);
  END LOOP;
  ALTER TABLE "shop"."orders" RENAME TO "orders_source";
  ALTER TABLE "shop"."orders_partitioned" RENAME TO "orders";

  EXECUTE ''''DO ''''''''DECLARE other text; BEGIN SELECT format(''''''''''''''''%s: trigger %I on %s uses it'''''''''''''''', p.oid::regprocedure, g.tgname, g.tgrelid::regclass) INTO other FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''''''''''''''''shop'''''''''''''''' AND p.proname IN (''''''''''''''''sync_to_source_orders'''''''''''''''', ''''''''''''''''sync_to_source_orders_truncate'''''''''''''''', ''''''''''''''''orders_source_read_only'''''''''''''''') AND g.tgparentid = 0 AND g.tgrelid NOT IN (''''''''''''''''"shop"."orders_source"''''''''''''''''::regclass, ''''''''''''''''"shop"."orders"''''''''''''''''::regclass) LIMIT 1; IF FOUND THEN RAISE duplicate_function USING MESSAGE = concat(''''''''''''''''cannot replace function '''''''''''''''', other); END IF; END'''''''''''';
  EXECUTE ''''CREATE OR REPLACE FUNCTION "shop"."sync_to_source_orders"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''''''''pg_catalog'''''''', ''''''''pg_temp'''''''' AS ''''''''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  gone boolean;
  name text;
BEGIN
  IF TG_OP = ''''''''''''''''DELETE'''''''''''''''' OR TG_OP = ''''''''''''''''UPDATE'''''''''''''''' AND (OLD."id") IS DISTINCT FROM (NEW."id") THEN
    gone := NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = OLD."id" AND s."org_id" = OLD."org_id");
    IF gone AND EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = ''''''''''''''''"shop"."orders_source"''''''''''''''''::regclass AND starts_with(g.tgname, ''''''''''''''''RI_ConstraintTrigger_a'''''''''''''''')) THEN
      gone := NOT EXISTS (SELECT FROM "shop"."orders" AS t WHERE t."id" = OLD."id");
      IF gone AND TG_OP = ''''''''''''''''UPDATE'''''''''''''''' THEN
        UPDATE "shop"."orders_source" AS s SET "org_id" = t."org_id", "placed_at" = t."placed_at" FROM "shop"."orders" AS t WHERE t."id" = NEW."id" AND t."org_id" = NEW."org_id" AND s."id" = OLD."id" AND NOT EXISTS (SELECT FROM "shop"."orders_source" AS p WHERE p."id" = NEW."id");
        gone := NOT FOUND;
      END IF;
    END IF;
    IF gone THEN
      DELETE FROM "shop"."orders_source" AS s WHERE s."id" = OLD."id" AND s."org_id" = OLD."org_id";
      IF NOT FOUND AND current_setting(''''''''''''''''transaction_isolation'''''''''''''''') IN (''''''''''''''''repeatable read'''''''''''''''', ''''''''''''''''serializable'''''''''''''''') THEN
        BEGIN
          INSERT INTO "shop"."orders_source" ("id", "org_id", "placed_at") OVERRIDING SYSTEM VALUE VALUES (OLD."id", OLD."org_id", OLD."placed_at") ON CONFLICT ("id") DO NOTHING;
          DELETE FROM "shop"."orders_source" AS s WHERE s."id" = OLD."id" AND s."org_id" = OLD."org_id";
        EXCEPTION WHEN integrity_constraint_violation THEN NULL;
        END;
      END IF;
    END IF;
    IF TG_OP = ''''''''''''''''DELETE'''''''''''''''' THEN RETURN NULL; END IF;
  END IF;
  IF current_setting(''''''''''''''''transaction_isolation'''''''''''''''') IN (''''''''''''''''repeatable read'''''''''''''''', ''''''''''''''''serializable'''''''''''''''') OR EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = TG_RELID AND g.tgname <> TG_NAME AND g.tgtype & 1 = 1 AND (NOT g.tgisinternal OR NOT starts_with(g.tgname, ''''''''''''''''RI_ConstraintTrigger_c''''''''''''''''))) THEN
    INSERT INTO "shop"."orders_source" AS s ("id", "org_id", "placed_at") OVERRIDING SYSTEM VALUE SELECT t."id", t."org_id", t."placed_at" FROM "shop"."orders" AS t WHERE t."id" = NEW."id" AND t."org_id" = NEW."org_id"
      ON CONFLICT ("id") DO UPDATE SET "org_id" = EXCLUDED."org_id", "placed_at" = EXCLUDED."placed_at" WHERE s."org_id" = EXCLUDED."org_id";
  ELSE
    INSERT INTO "shop"."orders_source" AS s ("id", "org_id", "placed_at") OVERRIDING SYSTEM VALUE VALUES (NEW."id", NEW."org_id", NEW."placed_at")
      ON CONFLICT ("id") DO UPDATE SET "org_id" = EXCLUDED."org_id", "placed_at" = EXCLUDED."placed_at" WHERE s."org_id" = EXCLUDED."org_id";
  END IF;
  IF NOT FOUND AND EXISTS (SELECT FROM "shop"."orders" AS t WHERE t."id" = NEW."id" AND t."org_id" = NEW."org_id") THEN
    IF EXISTS (SELECT FROM "shop"."orders" AS t WHERE t."id" = NEW."id" AND (t."org_id") IS DISTINCT FROM (NEW."org_id")) THEN
      SELECT c.relname INTO name FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid
        WHERE x.indrelid = ''''''''''''''''"shop"."orders"''''''''''''''''::regclass AND x.indisunique AND ARRAY(SELECT a.attname FROM unnest(x.indkey[0:x.indnkeyatts - 1])
          WITH ORDINALITY AS k (attnum, place) JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
          ORDER BY k.place) = ARRAY[''''''''''''''''id'''''''''''''''', ''''''''''''''''org_id'''''''''''''''']::name[]
        ORDER BY x.indisprimary DESC, x.indexrelid LIMIT 1;
      RAISE unique_violation USING MESSAGE = concat(''''''''''''''''duplicate key value violates unique constraint "'''''''''''''''', pgpartition.name, ''''''''''''''''"''''''''''''''''),
        SCHEMA = ''''''''''''''''shop'''''''''''''''', TABLE = ''''''''''''''''orders'''''''''''''''', CONSTRAINT = pgpartition.name;
    END IF;
    UPDATE "shop"."orders_source" AS s SET "org_id" = t."org_id", "placed_at" = t."placed_at" FROM "shop"."orders" AS t WHERE t."id" = NEW."id" AND t."org_id" = NEW."org_id" AND s."id" = NEW."id";
  END IF;
  RETURN NULL;
END
'''''''''''';
  EXECUTE ''''CREATE OR REPLACE FUNCTION "shop"."sync_to_source_orders_truncate"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''''''''pg_catalog'''''''', ''''''''pg_temp'''''''' AS ''''''''
#variable_conflict use_column
BEGIN
  IF EXISTS (SELECT FROM "shop"."orders") THEN
    DELETE FROM "shop"."orders_source" AS t WHERE NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = t."id" AND s."org_id" = t."org_id");
    RETURN NULL;
  END IF;
  BEGIN
    LOCK TABLE "shop"."orders_source" IN ACCESS EXCLUSIVE MODE NOWAIT;
    TRUNCATE "shop"."orders_source";
  EXCEPTION WHEN lock_not_available THEN
    IF current_setting(''''''''''''''''transaction_isolation'''''''''''''''') IN (''''''''''''''''repeatable read'''''''''''''''', ''''''''''''''''serializable'''''''''''''''') THEN
      RAISE serialization_failure USING MESSAGE = ''''''''''''''''could not truncate "shop"."orders_source": another session holds a lock on it'''''''''''''''';
    END IF;
    DELETE FROM "shop"."orders_source";
  END;
  RETURN NULL;
END
'''''''''''';
  EXECUTE ''''CREATE OR REPLACE FUNCTION "shop"."orders_source_read_only"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''''''''pg_catalog'''''''', ''''''''pg_temp'''''''' AS ''''''''
BEGIN
  IF current_setting(''''''''''''''''pgpartition.sync'''''''''''''''', true) IS NOT DISTINCT FROM ''''''''''''''''on'''''''''''''''' THEN RETURN NULL; END IF;
  RAISE object_not_in_prerequisite_state USING MESSAGE = ''''''''''''''''cannot write to table shop.orders_source, which only the triggers of shop.orders write to: write to shop.orders'''''''''''''''';
END
'''''''''''';
  EXECUTE ''''DO ''''''''DECLARE command text; BEGIN FOR command IN SELECT format(''''''''''''''''REVOKE ALL ON FUNCTION %s FROM %s'''''''''''''''', p.oid::regprocedure, CASE a.grantee WHEN 0 THEN ''''''''''''''''PUBLIC'''''''''''''''' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault(''''''''''''''''f'''''''''''''''', p.proowner))) AS a WHERE p.oid IN (''''''''''''''''"shop"."sync_to_source_orders"()''''''''''''''''::regprocedure, ''''''''''''''''"shop"."sync_to_source_orders_truncate"()''''''''''''''''::regprocedure, ''''''''''''''''"shop"."orders_source_read_only"()''''''''''''''''::regprocedure) AND a.grantee <> p.proowner LOOP EXECUTE command; END LOOP; END'''''''''''';
  EXECUTE ''''CREATE OR REPLACE TRIGGER "read_only_since_cutover" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "shop"."orders_source" FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "shop"."orders_source_read_only"()'''';
  EXECUTE ''''ALTER TABLE ONLY "shop"."orders_source" ENABLE ALWAYS TRIGGER "read_only_since_cutover"'''';
  EXECUTE ''''CREATE OR REPLACE TRIGGER "sync_to_source_orders" AFTER INSERT OR DELETE OR UPDATE OF "id", "org_id", "placed_at" ON "shop"."orders" FOR EACH ROW EXECUTE FUNCTION "shop"."sync_to_source_orders"()'''';
  EXECUTE ''''ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_source_orders"'''';
  EXECUTE ''''CREATE OR REPLACE TRIGGER "sync_to_source_orders_truncate" AFTER TRUNCATE ON "shop"."orders" FOR EACH STATEMENT EXECUTE FUNCTION "shop"."sync_to_source_orders_truncate"()'''';
  EXECUTE ''''ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_source_orders_truncate"'''';
  FOREACH command IN ARRAY later LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE command;
  END LOOP;
  FOREACH command IN ARRAY views LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    BEGIN
      EXECUTE command;
    EXCEPTION
      -- The object groups by a key that the other table lacks, or has a column of the row type: it continues to read the
      -- same table.
      WHEN grouping_error OR invalid_table_definition THEN NULL;
    END;
  END LOOP;
  FOR object IN
    SELECT c.conname, c.condeferrable
    FROM pg_constraint AS c
    WHERE c.conrelid = pgpartition.serving AND c.confrelid = c.conrelid AND c.contype = ''''f'''' AND NOT c.condeferred
    ORDER BY c.conname
  LOOP
    deferred := coalesce(pgpartition.deferred, ''''{}'''') || jsonb_build_object(object.conname, object.condeferrable);
    EXECUTE format(''''ALTER TABLE ONLY "shop"."orders_source" ALTER CONSTRAINT %I DEFERRABLE INITIALLY DEFERRED'''', object.conname);
  END LOOP;
  EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', ''''"shop"."orders"'''', pgpartition.words);
  EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', ''''"shop"."orders_source"'''', concat_ws(E''''\\\\n'''', ''''pgpartition.dev source of shop.orders'''', array_to_string(pgpartition.marks, E''''\\\\n''''), ''''pgpartition.dev deferred '''' || pgpartition.deferred::text, pgpartition.words));
  END work;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  PERFORM set_config(''''pgpartition.sync'''', '''''''', true);
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  IF (SELECT coalesce(sum(pg_stat_get_xact_tuples_inserted(r.oid) + pg_stat_get_xact_tuples_updated(r.oid)
      + pg_stat_get_xact_tuples_deleted(r.oid)), 0)
    FROM (
      SELECT g.tgrelid FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
      WHERE g.tgdeferrable AND c.contype IN (''''t'''', ''''x'''')
      UNION
      SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent IN (pgpartition.serving, pgpartition.passive)
      UNION
      SELECT unnest(ARRAY[pgpartition.serving, pgpartition.passive])
    ) AS r (oid)) > pgpartition.written THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''code of a constraint wrote to a table with a deferrable trigger or exclusion constraint'''';
  END IF;
END

'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
UPDATE pgpartition.conversions AS c SET sync = jsonb_build_object('level', '"Row"'::jsonb, 'columns', '["id","org_id","placed_at"]'::jsonb, 'triggers', (SELECT jsonb_object_agg(w.name, jsonb_build_object('oid', g.oid::bigint, 'xmin', g.xmin::text::bigint, 'digest', w.digest)) FROM jsonb_to_recordset('[{"digest":"9ce58f59a3d2ef34","name":"read_only_since_cutover","relation":"orders_source"},{"digest":"a4cd881db3940e2e","name":"sync_to_source_orders","relation":"orders"},{"digest":"f99bb879c07efe11","name":"sync_to_source_orders_truncate","relation":"orders"}]'::jsonb) AS w (relation text, name text, digest text) JOIN pg_namespace AS n ON n.nspname = 'shop' JOIN pg_class AS r ON r.relnamespace = n.oid AND r.relname = w.relation JOIN pg_trigger AS g ON g.tgrelid = r.oid AND g.tgname = w.name), 'functions', (SELECT jsonb_object_agg(w.name, jsonb_build_object('oid', p.oid::bigint, 'xmin', p.xmin::text::bigint, 'digest', w.digest)) FROM jsonb_to_recordset('[{"digest":"f68b13984984aa7e","name":"orders_source_read_only"},{"digest":"15940f52816f7113","name":"sync_to_source_orders"},{"digest":"ce405ddb05036725","name":"sync_to_source_orders_truncate"}]'::jsonb) AS w (name text, digest text) JOIN pg_namespace AS n ON n.nspname = 'shop' JOIN pg_proc AS p ON p.pronamespace = n.oid AND p.proname = w.name AND p.pronargs = 0)), serving_since = clock_timestamp() WHERE c.schema_name = 'shop' AND c.table_name = 'orders';
-- drop-source
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '111ms';
SET LOCAL statement_timeout = '237ms';
LOCK TABLE ONLY "shop"."orders" IN ACCESS EXCLUSIVE MODE;
LOCK TABLE ONLY "shop"."orders_source" IN ACCESS EXCLUSIVE MODE;
DO E'BEGIN IF ''"shop"."orders_source"''::regclass::oid <> 16384 OR split_part(obj_description(16384, ''pg_class''), E''\\n'', 1) IS DISTINCT FROM ''pgpartition.dev source of shop.orders'' THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''table shop.orders_source is not the planned source: plan again''; END IF; END';
DROP TRIGGER IF EXISTS "sync_to_source_orders" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_source_orders_truncate" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_source_orders_update" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_source_orders_delete" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_source_orders_move" ON "shop"."orders";
DROP TRIGGER IF EXISTS "read_only_since_cutover" ON "shop"."orders_source";
DO 'DECLARE command text; BEGIN FOR command IN SELECT format(''DROP FUNCTION %s'', p.oid::regprocedure) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''shop'' AND p.proname IN (''sync_to_source_orders'', ''sync_to_source_orders_truncate'', ''sync_to_source_orders_update'', ''sync_to_source_orders_delete'', ''sync_to_source_orders_move'', ''orders_source_read_only'') AND p.pronargs = 0 AND p.prokind = ''f'' AND NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgfoid = p.oid AND g.tgrelid NOT IN (''"shop"."orders_source"''::regclass, ''"shop"."orders"''::regclass)) LOOP EXECUTE command; END LOOP; END';
ALTER TABLE "shop"."lines" DROP CONSTRAINT "lines_order_fk";
DROP TABLE "shop"."orders_source";
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF; END $records$;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP; END $records$;
DELETE FROM pgpartition.conversions AS c WHERE c.schema_name = 'shop' AND c.table_name = 'orders';
-- attach-source
SET LOCAL lock_timeout = '100ms';
SET LOCAL statement_timeout = '950ms';
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF; END $records$;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP; END $records$;
SET LOCAL ROLE "shop_owner";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_66a3882b'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_66a3882b(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_66a3882b(E'DO E''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  source oid := ''''"shop"."orders"''''::regclass;
  copy oid := ''''"shop"."orders_partitioned"''''::regclass;
  is_new boolean := false;
  triggers text[] := ARRAY[''''sync_to_partitioned_orders'''', ''''sync_to_partitioned_orders_truncate'''', ''''sync_to_partitioned_orders_update'''', ''''sync_to_partitioned_orders_delete'''', ''''sync_to_partitioned_orders_move'''']::text[];
  known text[] := ARRAY[]::text[];
  checks text[] := ARRAY[''''pgpartition_of_7458f44cdbf1d509'''']::text[];
  -- Deadline of all waits for locks together, which is that of a single wait.
  deadline timestamptz := clock_timestamp() + nullif(current_setting(''''lock_timeout''''), ''''0'''')::interval;
  serving oid := pgpartition.source;
  name text := ''''"shop"."orders"'''';
  partition text := ''''"shop"."orders_source"'''';
  -- Commands to run after the exchange of names. Names in definitions then refer to the partitioned table.
  later text[] := ''''{}'''';
  views text[] := ''''{}'''';
  command text;
  object record;
  row_key text;
  has_replica_identity boolean;
  indexes bigint;
BEGIN
  <<work>>
  BEGIN
  -- Views are locked first, in the order of their readers. ALTER VIEW … OWNER TO the same role only locks the view.
  FOR object IN
    SELECT DISTINCT v.oid::regclass AS name
    FROM pg_depend AS d
    JOIN pg_rewrite AS w ON w.oid = d.objid
    JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = ''''v''''
    WHERE d.classid = ''''pg_rewrite''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = pgpartition.serving
      AND d.deptype = ''''n'''' AND pg_get_userbyid(v.relowner) = current_user
    ORDER BY 1
  LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE format(''''ALTER VIEW %s OWNER TO CURRENT_USER'''', object.name);
  END LOOP;
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
  LOCK TABLE ONLY "shop"."orders" IN ACCESS EXCLUSIVE MODE;
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
  LOCK TABLE "shop"."orders_partitioned" IN ACCESS EXCLUSIVE MODE;
  IF to_regclass(pgpartition.name)::oid IS DISTINCT FROM 16384 OR to_regclass(''''"shop"."orders_partitioned"'''')::oid IS DISTINCT FROM 16400
    OR pgpartition.source <> 16384 OR pgpartition.copy <> 16400
    OR split_part(obj_description(16400, ''''pg_class''''), E''''\\\\n'''', 1) IS DISTINCT FROM ''''pgpartition.dev copy of shop.orders''''
  THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = ''''another table has one of the names now: plan again'''';
  END IF;
  EXECUTE ''''DO ''''''''BEGIN IF EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = ''''''''''''''''"shop"."orders_partitioned"''''''''''''''''::regclass AND g.tgname = ''''''''''''''''read_only_until_cutover'''''''''''''''') THEN DROP TRIGGER "read_only_until_cutover" ON "shop"."orders_partitioned"; DROP FUNCTION IF EXISTS "shop"."orders_partitioned_read_only"(); END IF; END'''''''''''';
-- Differences between the two tables of a conversion, and the commands that resolve them. The source is the serving table,
-- the copy the passive one: after the cutover, the copy is the plain table. A property has a kind, an object, and a
-- definition. A property that only the source has is created on the copy; one that only the copy has is removed.
-- pgpartition.source source, pgpartition.copy copy, pgpartition.is_new whether the copy is new and empty, pgpartition.triggers names of the sync triggers, pgpartition.known columns that they were created
-- for, pgpartition.checks names that the check of the bounds of a plain table can have.
--
-- The search path must be pg_catalog, so that deparsed names have their schemas. Each deparsing function briefly locks its
-- table in ACCESS SHARE mode.
WITH side AS MATERIALIZED (
    SELECT c.oid, c.oid = pgpartition.source AS is_source, c.relname, c.relnamespace, c.relowner, c.relacl, c.relrowsecurity,
           c.relreplident, c.reltablespace, c.relam, c.relkind
    FROM pg_class AS c
    WHERE c.oid IN (pgpartition.source, pgpartition.copy)
),
copy AS MATERIALIZED (SELECT s.*, s.oid::regclass::text AS name FROM side AS s WHERE NOT s.is_source),
-- Columns renamed since the sync triggers were created: the triggers have the column numbers of pgpartition.known.
renamed AS MATERIALIZED (
    SELECT DISTINCT c.attname AS old, s.attname AS new, s.attnum AS number
    FROM pg_trigger AS g
    CROSS JOIN unnest(g.tgattr::int2[], pgpartition.known::name[]) AS k (attnum, known)
    JOIN pg_attribute AS s ON s.attrelid = pgpartition.source AND s.attnum = k.attnum AND s.attname <> k.known
    JOIN pg_attribute AS c ON c.attrelid = pgpartition.copy AND c.attname = k.known AND c.atttypid = s.atttypid
        AND c.atttypmod = s.atttypmod AND c.attcollation = s.attcollation AND c.attgenerated = ''''''''
    WHERE g.tgrelid = pgpartition.source AND g.tgname = ANY (pgpartition.triggers) AND cardinality(g.tgattr::int2[]) = cardinality(pgpartition.known::name[])
),
-- Columns; those of the copy with their new names.
cols AS MATERIALIZED (
    SELECT s.is_source, a.attrelid, a.attnum, coalesce(r.new, a.attname) AS attname, a.attnotnull, a.attidentity, a.attgenerated, a.attstorage,
           a.attcompression, coalesce(a.attstattarget, -1) AS target, a.attoptions, a.attacl, t.typtype,
           format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attcollation <> t.typcollation THEN '''' COLLATE '''' || a.attcollation::regcollation ELSE '''''''' END
               AS type,
           pg_get_expr(d.adbin, d.adrelid) AS expression,
           -- Value in rows older than the column: an array of one element.
           CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END AS missing,
           coalesce('''' CONSTRAINT '''' || quote_ident(n.conname), '''''''') || '''' NOT NULL'''' AS not_null,
           t.typtype = ''''d'''' AND (t.typnotnull OR base.typtype = ''''d'''' OR EXISTS (
               SELECT FROM pg_constraint AS con WHERE con.contypid = t.oid
           )) AS has_condition
    FROM side AS s
    JOIN pg_attribute AS a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN renamed AS r ON r.old = a.attname AND NOT s.is_source
    LEFT JOIN pg_type AS base ON base.oid = t.typbasetype
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    -- Since Postgres 18.
    LEFT JOIN pg_constraint AS n ON n.conrelid = a.attrelid AND n.contype = ''''n'''' AND n.conkey = ARRAY[a.attnum]
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
    WHERE p.partrelid = pgpartition.copy
    UNION
    SELECT k.attnum
    FROM pg_index AS x, unnest(x.indkey) AS k (attnum)
    WHERE x.indrelid = pgpartition.copy AND x.indisunique
),
-- Checks that replace NOT NULL until they are valid.
stand_ins AS MATERIALIZED (
    SELECT con.conname, con.convalidated, con.conkey[1] AS attnum
    FROM pg_constraint AS con
    WHERE con.conrelid = pgpartition.copy AND con.contype = ''''c'''' AND con.conname = ''''pgpartition_not_null_'''' || con.conkey[1]
),
-- Partitions of the copy.
leaves AS MATERIALIZED (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind = ''''r'''' AS is_table
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = pgpartition.copy
),
-- Foreign keys of single partitions of the copy: the copy gets each when all of them are valid.
leaf_keys AS MATERIALIZED (
    SELECT l.oid, l.name, con.conname, con.convalidated,
           regexp_replace(pg_get_constraintdef(con.oid), '''' NOT VALID$'''', '''''''') AS definition
    FROM leaves AS l
    JOIN pg_constraint AS con ON con.conrelid = l.oid AND con.contype = ''''f'''' AND con.conparentid = 0
),
policies AS MATERIALIZED (
    SELECT s.is_source, p.polname,
           CASE WHEN p.polpermissive THEN '''''''' ELSE '''' AS RESTRICTIVE'''' END
               || '''' FOR '''' || CASE p.polcmd WHEN ''''r'''' THEN ''''SELECT'''' WHEN ''''a'''' THEN ''''INSERT'''' WHEN ''''w'''' THEN ''''UPDATE''''
                                           WHEN ''''d'''' THEN ''''DELETE'''' ELSE ''''ALL'''' END
               || '''' TO '''' || (
                   SELECT string_agg(CASE r.oid WHEN 0 THEN ''''PUBLIC'''' ELSE quote_ident(pg_get_userbyid(r.oid)) END, '''', ''''
                                     ORDER BY r.oid)
                   FROM unnest(p.polroles) AS r (oid)
               )
               || coalesce('''' USING ('''' || pg_get_expr(p.polqual, named.oid) || '''')'''', '''''''')
               || coalesce('''' WITH CHECK ('''' || pg_get_expr(p.polwithcheck, named.oid) || '''')'''', '''''''') AS definition,
           named.oid <> pgpartition.copy AND concat(p.polqual, p.polwithcheck) LIKE ''''%{SUBLINK %'''' AS names_source
    FROM side AS s
    JOIN pg_policy AS p ON p.polrelid = s.oid
    CROSS JOIN numbers AS n
    CROSS JOIN LATERAL (SELECT CASE WHEN n.are_equal THEN pgpartition.copy ELSE s.oid END AS oid) AS named
),
constraints AS MATERIALIZED (
    SELECT s.is_source, con.oid, con.conname, con.contype,
           -- Postgres rejects a check of the whole row (column 0) on a table with partitions.
           strpos(con.conbin::text, '''':varattno 0 '''') > 0 AS is_of_row,
           -- Its validity on the source does not matter for the copy, which validates its own check later.
           CASE WHEN s.is_source THEN pg_get_constraintdef(con.oid)
                ELSE regexp_replace(pg_get_constraintdef(con.oid), '''' NOT VALID$'''', '''''''') END AS definition
    FROM side AS s
    JOIN pg_constraint AS con ON con.conrelid = s.oid
    WHERE (con.contype = ''''c'''' AND con.conname NOT IN (SELECT i.conname FROM stand_ins AS i)
           -- The bounds check that the operator adds to a plain table before an attach; an interrupted run can have left it.
           AND con.conname <> ALL (pgpartition.checks))
       OR (con.contype = ''''f'''' AND con.conparentid = 0 AND con.confrelid NOT IN (pgpartition.source, pgpartition.copy))
),
sequences AS MATERIALIZED (
    SELECT k.is_source, k.attname, k.type, q.seqrelid::regclass AS sequence,
           format(''''START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s'''', q.seqstart, q.seqincrement,
                  q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN ''''CYCLE'''' ELSE ''''NO CYCLE'''' END) AS options,
           CASE k.attidentity WHEN ''''a'''' THEN ''''ALWAYS'''' ELSE ''''BY DEFAULT'''' END AS generated
    FROM cols AS k
    JOIN pg_depend AS d ON d.refclassid = ''''pg_class''''::regclass AND d.refobjid = k.attrelid AND d.refobjsubid = k.attnum
        AND d.classid = ''''pg_class''''::regclass AND d.deptype = ''''i''''
    JOIN pg_sequence AS q ON q.seqrelid = d.objid
    WHERE k.attidentity <> ''''''''
),
-- Privileges on the tables, their columns, and the sequences of identity columns.
granted AS (
    SELECT s.is_source, ''''TABLE '''' || c.name AS "on", s.relowner AS owner, '''''''' AS columns, acl.*
    FROM side AS s
    CROSS JOIN copy AS c
    CROSS JOIN aclexplode(s.relacl) AS acl
    UNION ALL
    SELECT k.is_source, ''''TABLE '''' || c.name, s.relowner, format('''' (%I)'''', k.attname), acl.*
    FROM side AS s
    JOIN cols AS k USING (is_source)
    CROSS JOIN copy AS c
    CROSS JOIN aclexplode(k.attacl) AS acl
    WHERE k.attname IN (SELECT p.attname FROM paired AS p)
    UNION ALL
    SELECT k.is_source, ''''SEQUENCE '''' || p.sequence, q.relowner, '''''''', acl.*
    FROM sequences AS k
    JOIN sequences AS p ON p.attname = k.attname AND NOT p.is_source
    JOIN pg_class AS q ON q.oid = k.sequence
    CROSS JOIN aclexplode(q.relacl) AS acl
),
-- Several roles can have granted one privilege on the source. On the copy, the owner grants it.
grants AS (
    SELECT g.is_source, g."on", concat(g.privilege_type, g.columns) AS privilege, bool_or(g.is_grantable) AS is_grantable,
           CASE g.grantee WHEN 0 THEN ''''PUBLIC'''' ELSE quote_ident(r.rolname) END AS grantee
    FROM granted AS g
    LEFT JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE g.grantee <> g.owner AND (g.grantee = 0 OR r.oid IS NOT NULL) AND (g.is_source OR g.grantor = g.owner)
    GROUP BY 1, 2, 3, 5
),
statistics AS (
    SELECT s.is_source, x.oid, x.stxname, coalesce(x.target, -1) AS target,
           concat((
               SELECT ''''('''' || string_agg(CASE k WHEN ''''d'''' THEN ''''ndistinct'''' WHEN ''''f'''' THEN ''''dependencies'''' ELSE ''''mcv'''' END, '''', ''''
                                        ORDER BY k) || '''') ''''
               FROM unnest(x.stxkind) AS k WHERE k IN (''''d'''', ''''f'''', ''''m'''')
           ), ''''ON '''', pg_get_statisticsobjdef_columns(x.oid)) AS definition,
           format(''''%I.%I'''', n.nspname, x.stxname) AS name
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
    SELECT s.is_source, ''''TABLE '''' || c.name AS "on", (
               SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
               FROM unnest(string_to_array(d.description, E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
               WHERE NOT starts_with(l.line, ''''pgpartition.dev '''')
           ) AS text, (
               SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
               FROM unnest(string_to_array(obj_description(c.oid, ''''pg_class''''), E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
               WHERE starts_with(l.line, ''''pgpartition.dev '''')
           ) AS marks
    FROM side AS s
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = s.oid AND d.objsubid = 0
    UNION ALL
    SELECT k.is_source, format(''''COLUMN %s.%I'''', c.name, k.attname), d.description, NULL
    FROM cols AS k
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = k.attrelid AND d.objsubid = k.attnum
    WHERE k.attname IN (SELECT p.attname FROM paired AS p)
    UNION ALL
    SELECT k.is_source, format(''''CONSTRAINT %I ON %s'''', k.conname, c.name), d.description, NULL
    FROM constraints AS k
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_constraint''''::regclass AND d.objoid = k.oid
    WHERE (pgpartition.is_new OR k.contype = ''''c'''') AND k.definition NOT LIKE ''''% NOT VALID''''
       OR k.conname IN (SELECT o.conname FROM constraints AS o WHERE NOT o.is_source)
    UNION ALL
    SELECT s.is_source, format(''''POLICY %I ON %s'''', p.polname, c.name), d.description, NULL
    FROM side AS s
    JOIN pg_policy AS p ON p.polrelid = s.oid
    CROSS JOIN copy AS c
    JOIN pg_description AS d ON d.classoid = ''''pg_policy''''::regclass AND d.objoid = p.oid
    WHERE p.polname NOT IN (SELECT o.polname FROM policies AS o WHERE o.is_source AND o.names_source)
       OR p.polname IN (SELECT o.polname FROM policies AS o WHERE NOT o.is_source)
    UNION ALL
    SELECT k.is_source, ''''STATISTICS '''' || p.name, d.description, NULL
    FROM statistics AS k
    JOIN statistics AS p ON p.definition = k.definition AND NOT p.is_source
    JOIN pg_description AS d ON d.classoid = ''''pg_statistic_ext''''::regclass AND d.objoid = k.oid
    UNION ALL
    SELECT k.is_source, ''''SEQUENCE '''' || p.sequence, d.description, NULL
    FROM sequences AS k
    JOIN sequences AS p ON p.attname = k.attname AND NOT p.is_source
    JOIN pg_description AS d ON d.classoid = ''''pg_class''''::regclass AND d.objoid = k.sequence
),
alterations AS MATERIALIZED (
    SELECT k.is_source, 20 AS place, ''''notNull'''' AS kind, k.attname::text AS object, '''''''' AS definition,
           CASE WHEN i.convalidated THEN format(''''ALTER COLUMN %1$I SET NOT NULL; ALTER TABLE %2$s DROP CONSTRAINT %3$I'''',
                                                k.attname, c.name, i.conname)
                WHEN i.conname IS NULL THEN format(''''ADD CONSTRAINT %I CHECK (%I IS NOT NULL) NOT VALID'''',
                                                   ''''pgpartition_not_null_'''' || p.attnum, k.attname) END AS make,
           CASE WHEN p.attnum NOT IN (SELECT in_key.attnum FROM in_key)
                THEN format(''''ALTER COLUMN %I DROP NOT NULL'''', k.attname) END AS undo,
           NOT k.is_source AS refuse
    FROM cols AS k
    CROSS JOIN copy AS c
    JOIN cols AS p ON p.attname = k.attname AND NOT p.is_source
    LEFT JOIN stand_ins AS i ON i.attnum = p.attnum
    WHERE k.attnotnull AND k.attname IN (SELECT o.attname FROM paired AS o)
    UNION ALL
    SELECT false, 20, ''''notNull'''', k.attname, ''''not validated'''', NULL, format(''''DROP CONSTRAINT %I'''', i.conname), true
    FROM stand_ins AS i
    JOIN cols AS k ON k.attnum = i.attnum AND NOT k.is_source
    JOIN cols AS s ON s.attname = k.attname AND s.is_source AND NOT s.attnotnull
    UNION ALL
    SELECT k.is_source, 22, ''''default'''', k.attname, k.expression,
           format(''''ALTER COLUMN %I SET DEFAULT %s'''', k.attname, k.expression),
           format(''''ALTER COLUMN %I DROP DEFAULT'''', k.attname), true
    FROM cols AS k
    WHERE k.attgenerated = '''''''' AND k.expression IS NOT NULL AND k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    SELECT k.is_source, 24, ''''generated'''', k.attname, concat(k.attgenerated, k.expression),
           CASE WHEN k.attgenerated = ''''v'''' AND p.attgenerated = ''''v''''
                THEN format(''''ALTER COLUMN %I SET EXPRESSION AS (%s)'''', k.attname, k.expression) END,
           CASE WHEN k.attgenerated = ''''s'''' AND p.attgenerated = ''''''''
                THEN format(''''ALTER COLUMN %I DROP EXPRESSION'''', k.attname) END, p.attgenerated <> k.attgenerated OR k.is_source
    FROM cols AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    WHERE k.attgenerated <> ''''''''
    UNION ALL
    SELECT k.is_source, 26, ''''identity'''', k.attname, concat(k.generated, k.options),
           -- An identity column must first be NOT NULL.
           CASE WHEN NOT p.attnotnull THEN NULL
                WHEN p.attidentity = ''''''''
                THEN format(''''ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (%s)'''', k.attname, k.generated, k.options)
                ELSE format(''''ALTER COLUMN %I SET GENERATED %s SET %s'''', k.attname, k.generated, regexp_replace(
                    k.options, '''' (INCREMENT|MINVALUE|MAXVALUE|CACHE|NO CYCLE|CYCLE)'''', '''' SET \\\\1'''', ''''g'''')) END,
           CASE WHEN p.attidentity = '''''''' THEN format(''''ALTER COLUMN %I DROP IDENTITY'''', k.attname) END, false
    FROM sequences AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    UNION ALL
    SELECT k.is_source, 28, ''''storage'''', k.attname, concat(k.attstorage, k.attcompression),
           concat_ws('''', '''', format(''''ALTER COLUMN %I SET STORAGE %s'''', k.attname, CASE k.attstorage
                         WHEN ''''p'''' THEN ''''PLAIN'''' WHEN ''''e'''' THEN ''''EXTERNAL'''' WHEN ''''m'''' THEN ''''MAIN'''' ELSE ''''EXTENDED'''' END),
                     CASE WHEN k.attcompression <> p.attcompression
                          THEN format(''''ALTER COLUMN %I SET COMPRESSION %s'''', k.attname, CASE k.attcompression
                              WHEN ''''p'''' THEN ''''pglz'''' WHEN ''''l'''' THEN ''''lz4'''' ELSE ''''default'''' END) END), NULL, false
    FROM cols AS k
    JOIN cols AS p ON p.attname = k.attname AND p.is_source <> k.is_source AND p.type = k.type
    UNION ALL
    SELECT k.is_source, 40, ''''statistics'''', k.attname, k.target::text,
           format(''''ALTER COLUMN %I SET STATISTICS %s'''', k.attname, k.target),
           format(''''ALTER COLUMN %I SET STATISTICS -1'''', k.attname), true
    FROM cols AS k
    WHERE k.target <> -1 AND k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    -- ANALYZE of a partitioned table uses n_distinct_inherited.
    SELECT k.is_source, 41, ''''statistics'''', k.attname, o.option, format(''''ALTER COLUMN %I SET (%s)'''', k.attname, o.option),
           format(''''ALTER COLUMN %I RESET (%s)'''', k.attname, split_part(o.option, ''''='''', 1)), true
    FROM cols AS k
    CROSS JOIN copy AS c
    CROSS JOIN LATERAL (
        SELECT o.option FROM unnest(k.attoptions) AS o (option)
        -- The plain table does not get options that the partitioned table has only because of its n_distinct.
        WHERE NOT (c.relkind = ''''r'''' AND k.attoptions @> ARRAY[replace(o.option, ''''n_distinct_inherited='''', ''''n_distinct='''')]
                   AND o.option LIKE ''''n\\\\_distinct\\\\_inherited=%'''' AND NOT EXISTS (
                       SELECT FROM cols AS p
                       WHERE NOT p.is_source AND p.attname = k.attname AND p.attoptions::text LIKE ''''%n\\\\_distinct\\\\_inherited=%''''))
        UNION
        SELECT replace(o.option, ''''n_distinct='''', ''''n_distinct_inherited='''') FROM unnest(k.attoptions) AS o (option)
        WHERE k.is_source AND c.relkind = ''''p'''' AND k.attoptions::text NOT LIKE ''''%n\\\\_distinct\\\\_inherited=%''''
    ) AS o
    WHERE k.attname IN (SELECT p.attname FROM paired AS p WHERE NOT p.is_retyped)
    UNION ALL
    SELECT k.is_source, 50, CASE k.contype WHEN ''''c'''' THEN ''''check'''' ELSE ''''foreignKey'''' END, k.conname, k.definition,
           -- Rows of the source can violate a constraint that is not valid. Before Postgres 18, a foreign key of a partitioned
           -- table cannot be NOT VALID. If each partition has a valid one, Postgres reads no row.
           CASE WHEN k.definition LIKE ''''% NOT VALID'''' OR k.is_of_row THEN NULL
                WHEN k.contype = ''''c'''' OR pgpartition.is_new OR c.relkind = ''''r'''' OR NOT EXISTS (
                    SELECT FROM leaves AS l
                    WHERE NOT EXISTS (
                        SELECT FROM leaf_keys AS o
                        WHERE o.oid = l.oid AND o.convalidated AND o.conname = k.conname AND o.definition = k.definition
                    )
                )
                THEN format(''''ADD CONSTRAINT %I %s%s'''', k.conname, k.definition, CASE
                    WHEN pgpartition.is_new OR k.definition LIKE ''''%NOT ENFORCED'''' OR k.contype = ''''f'''' AND c.relkind = ''''p'''' THEN ''''''''
                    ELSE '''' NOT VALID'''' END) END,
           format(''''DROP CONSTRAINT %I'''', k.conname),
           k.is_source AND (k.contype = ''''c'''' OR k.definition LIKE ''''% NOT VALID'''' OR EXISTS (
               SELECT FROM leaves AS l WHERE NOT l.is_table
           ))
    FROM constraints AS k
    CROSS JOIN copy AS c
    UNION ALL
    SELECT s.is_source, 60, ''''rowSecurity'''', '''''''', '''''''', ''''ENABLE ROW LEVEL SECURITY'''', ''''DISABLE ROW LEVEL SECURITY'''', true
    FROM side AS s
    WHERE s.relrowsecurity
    UNION ALL
    SELECT s.is_source, 70, ''''replicaIdentity'''', '''''''', s.relreplident::text,
           ''''REPLICA IDENTITY '''' || CASE s.relreplident WHEN ''''f'''' THEN ''''FULL'''' WHEN ''''n'''' THEN ''''NOTHING'''' WHEN ''''d'''' THEN ''''DEFAULT''''
               ELSE ''''USING INDEX '''' || (
                   SELECT quote_ident(c.relname)
                   FROM pg_index AS x
                   JOIN pg_class AS c ON c.oid = x.indexrelid
                   WHERE x.indrelid = pgpartition.copy AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
                     AND x.indexprs IS NULL AND (SELECT bool_and(a.attnotnull) FROM pg_attribute AS a
                                                 WHERE a.attrelid = pgpartition.copy AND a.attnum = ANY (x.indkey[0:x.indnkeyatts - 1]))
                   ORDER BY x.indisprimary, x.indexrelid
                   LIMIT 1
               ) END, NULL, false
    FROM side AS s
    UNION ALL
    -- Postgres would rewrite the plain table.
    SELECT s.is_source, 72, ''''tablespace'''', '''''''', t.spcname,
           CASE WHEN c.relkind = ''''p'''' THEN format(''''SET TABLESPACE %I'''', t.spcname) END, NULL, s.is_source AND c.relkind = ''''r''''
    FROM side AS s
    CROSS JOIN copy AS c
    JOIN pg_database AS d ON d.datname = current_database()
    JOIN pg_tablespace AS t ON t.oid = CASE s.reltablespace WHEN 0 THEN d.dattablespace ELSE s.reltablespace END
    UNION ALL
    -- Before Postgres 17, a partitioned table has no access method.
    SELECT s.is_source, 74, ''''accessMethod'''', '''''''', coalesce(m.amname, current_setting(''''default_table_access_method'''')),
           CASE WHEN c.relkind = ''''p'''' THEN ''''SET ACCESS METHOD '''' || quote_ident(m.amname) END, NULL,
           s.is_source AND c.relkind = ''''r''''
    FROM side AS s
    CROSS JOIN copy AS c
    LEFT JOIN pg_am AS m ON m.oid = s.relam
    WHERE current_setting(''''server_version_num'''')::int >= 170000
    UNION ALL
    SELECT s.is_source, 76, ''''owner'''', '''''''', pg_get_userbyid(s.relowner), NULL, NULL, s.is_source
    FROM side AS s
),
others AS MATERIALIZED (
    SELECT true AS is_source, 50 AS place, ''''foreignKey'''' AS kind, k.conname::text AS object,
           concat(k.definition, '''' '''', l.name) AS definition,
           concat((
               SELECT format(''''ALTER TABLE %s DROP CONSTRAINT %I; '''', l.name, o.conname)
               FROM leaf_keys AS o WHERE o.oid = l.oid AND o.conname = k.conname
           ), format(''''ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID'''', l.name, k.conname, k.definition)) AS make,
           NULL AS undo, false AS refuse
    FROM constraints AS k
    JOIN leaves AS l ON l.is_table
    WHERE NOT pgpartition.is_new AND k.is_source AND k.contype = ''''f'''' AND k.definition NOT LIKE ''''% NOT VALID'''' AND NOT EXISTS (
        SELECT FROM leaf_keys AS o WHERE o.oid = l.oid AND o.conname = k.conname AND o.definition = k.definition
    ) AND NOT EXISTS (
        SELECT FROM constraints AS o WHERE NOT o.is_source AND o.conname = k.conname AND o.definition = k.definition
    )
    UNION ALL
    SELECT false, 51, ''''foreignKey'''', o.conname, concat(o.definition, '''' '''', o.name), NULL,
           format(''''ALTER TABLE %s DROP CONSTRAINT %I'''', o.name, o.conname), false
    FROM leaf_keys AS o
    WHERE NOT EXISTS (SELECT FROM constraints AS k WHERE k.is_source AND k.conname = o.conname)
    UNION ALL
    SELECT k.is_source, 42, ''''statistics'''', '''''''', k.definition,
           format(''''CREATE STATISTICS %I.%I %s FROM %s'''', n.nspname, CASE
               WHEN octet_length(named.name) < 64 AND NOT EXISTS (
                   SELECT FROM pg_statistic_ext AS x WHERE x.stxnamespace = n.oid AND x.stxname = named.name
               ) THEN named.name
               ELSE ''''pgpartition_statistics_'''' || k.oid END, k.definition, c.name),
           format(''''DROP STATISTICS %s'''', k.name), false
    FROM statistics AS k
    CROSS JOIN copy AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN side AS s ON s.is_source
    CROSS JOIN LATERAL (
        SELECT concat(c.relname, ''''_'''', CASE WHEN starts_with(k.stxname, s.relname || ''''_'''')
                                           THEN right(k.stxname, -1 - length(s.relname)) ELSE k.stxname END) AS name
    ) AS named
    UNION ALL
    SELECT k.is_source, 43, ''''statistics'''', k.definition, k.target::text,
           format(''''ALTER STATISTICS %s SET STATISTICS %s'''', p.name, k.target), NULL, false
    FROM statistics AS k
    JOIN statistics AS p ON p.definition = k.definition AND NOT p.is_source
    UNION ALL
    SELECT k.is_source, 62, ''''policy'''', k.polname, k.definition,
           CASE WHEN NOT k.names_source THEN format(''''CREATE POLICY %I ON %s%s'''', k.polname, c.name, k.definition) END,
           -- A restrictive policy that could not be created again stays.
           CASE WHEN k.polname NOT IN (SELECT p.polname FROM policies AS p WHERE p.is_source AND p.names_source)
                THEN format(''''DROP POLICY %I ON %s'''', k.polname, c.name) END, k.names_source
    FROM policies AS k
    CROSS JOIN copy AS c
    UNION ALL
    SELECT k.is_source, 64, ''''grant'''', concat(k."on", '''' '''', k.grantee), concat(k.privilege, k.is_grantable),
           format(''''GRANT %s ON %s TO %s%s'''', k.privilege, k."on", k.grantee,
                  CASE WHEN k.is_grantable THEN '''' WITH GRANT OPTION'''' ELSE '''''''' END),
           format(''''REVOKE %s ON %s FROM %s CASCADE'''', k.privilege, k."on", k.grantee), false
    FROM grants AS k
    UNION ALL
    SELECT k.is_source, 90, ''''comment'''', k."on", k.text,
           format(''''COMMENT ON %s IS %L'''', k."on", concat_ws(E''''\\\\n'''', k.marks, k.text)),
           format(''''COMMENT ON %s IS %L'''', k."on", k.marks), false
    FROM comments AS k
    WHERE k.text IS NOT NULL
),
properties AS MATERIALIZED (
    SELECT a.is_source, a.place, a.kind, a.object, a.definition, ''''ALTER TABLE '''' || c.name || '''' '''' || a.make AS make,
           ''''ALTER TABLE '''' || c.name || '''' '''' || a.undo AS undo, a.refuse
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
    CROSS JOIN unnest(string_to_array(obj_description(c.oid, ''''pg_class''''), E''''\\\\n'''')) AS l (line)
    CROSS JOIN unnest(string_to_array(l.line, '''' '''')) AS d (digest)
    WHERE starts_with(l.line, ''''pgpartition.dev same '''')
),
pairs AS MATERIALIZED (
    SELECT s.kind, s.object, s.definition, c.definition AS copied, left(encode(sha256(convert_to(
               concat_ws(E''''\\\\n'''', s.kind, s.object, least(s.definition, c.definition COLLATE "C"),
                         greatest(s.definition, c.definition COLLATE "C")), ''''UTF8'''')), ''''hex''''), 16) AS digest
    FROM properties AS s
    JOIN properties AS c ON NOT c.is_source AND c.kind = s.kind AND c.object = s.object
    WHERE s.is_source
),
columns AS MATERIALIZED (
    -- A user changes the columns of the plain table like those of the serving table.
    SELECT k.place, k.how, k.name, coalesce(k.reason, CASE WHEN f.relkind = ''''r'''' THEN ''''afterCutover'''' END) AS reason, k.action
    FROM copy AS f
    CROSS JOIN (
        SELECT 1 AS place, ''''renamed'''' AS how, r.new AS name, NULL AS reason, NULL AS action
        FROM renamed AS r
        UNION ALL
        SELECT 2, ''''dropped'''', k.attname, CASE WHEN k.attnum IN (SELECT i.attnum FROM in_key AS i) THEN ''''inKey'''' END,
               format(''''DROP COLUMN %I'''', k.attname)
        FROM cols AS k
        WHERE NOT k.is_source AND k.attname NOT IN (SELECT p.attname FROM paired AS p)
        UNION ALL
        SELECT 3, ''''added'''', k.attname, CASE WHEN k.attgenerated = ''''s'''' THEN ''''stored'''' WHEN k.has_condition THEN ''''domain'''' END,
               format(''''ADD COLUMN %I %s%s'''', k.attname, k.type, CASE k.attgenerated
                   WHEN ''''v'''' THEN format('''' GENERATED ALWAYS AS (%s) VIRTUAL'''', k.expression)
                   ELSE CASE WHEN k.missing IS NOT NULL THEN format('''' DEFAULT %L::%s%s'''', k.missing, k.type, CASE WHEN k.attnotnull
                       THEN k.not_null END) END END)
        FROM cols AS k
        WHERE k.is_source AND k.attname NOT IN (SELECT p.attname FROM paired AS p)
        UNION ALL
        SELECT 4, ''''retyped'''', p.attname, ''''retyped'''', NULL
        FROM paired AS p
        WHERE p.is_retyped
    ) AS k
),
unequal AS MATERIALIZED (
    SELECT p.place * CASE WHEN p.is_source THEN 1 ELSE -1 END AS place, p.kind, p.object, p.refuse,
           CASE WHEN NOT p.is_source THEN p.undo
                -- A definition can use a column that the copy cannot get.
                WHEN NOT EXISTS (SELECT FROM columns AS k WHERE k.how = ''''added'''' AND k.reason IS NOT NULL) THEN p.make
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
    SELECT k.place, format(''''ALTER TABLE %s %s'''', c.name, k.action) AS command
    FROM columns AS k
    CROSS JOIN copy AS c
    WHERE k.reason IS NULL AND NOT EXISTS (SELECT FROM renamed AS r)
    UNION ALL
    -- Renames go through an unused name, because two columns can have exchanged names.
    SELECT n.place, format(''''ALTER TABLE %s RENAME COLUMN %I TO %I'''', c.name, n.old, n.new)
    FROM renamed AS r
    CROSS JOIN copy AS c
    CROSS JOIN LATERAL (VALUES
        (0, r.old, ''''pgpartition_renamed_'''' || r.number), (1, ''''pgpartition_renamed_'''' || r.number, r.new)
    ) AS n (place, old, new)
    UNION ALL
    -- Definitions contain column names: they are compared again with the new names.
    SELECT u.place, u.command
    FROM unequal AS u
    WHERE u.command IS NOT NULL AND NOT EXISTS (SELECT FROM renamed AS r)
)
  SELECT string_agg(DISTINCT k.command, ''''; '''') INTO pgpartition.command FROM commands AS k;
  IF pgpartition.command IS NOT NULL THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''the table and the partitioned table differ: plan again'''', DETAIL = left(pgpartition.command, 1000);
  END IF;
  FOR command IN SELECT t.relid::regclass FROM pg_partition_tree(pgpartition.copy) AS t WHERE t.isleaf LOOP
    EXECUTE format(''''SELECT FROM ONLY %s LIMIT 1'''', pgpartition.command) INTO object;
    GET DIAGNOSTICS indexes = ROW_COUNT;
    IF pgpartition.indexes > 0 THEN
      RAISE object_not_in_prerequisite_state USING
        MESSAGE = format(''''partition %s has rows, which would become rows of the table: remove them'''', pgpartition.command);
    END IF;
  END LOOP;
  -- Triggers of the application, as the catalog deparses them.
  FOR object IN
    SELECT g.tgname, g.tgenabled, pg_get_triggerdef(g.oid) AS definition, obj_description(g.oid, ''''pg_trigger'''') AS comment
    FROM pg_trigger AS g
    WHERE g.tgrelid = pgpartition.serving AND NOT g.tgisinternal
    ORDER BY g.tgname
  LOOP
    later := later || object.definition
      || CASE WHEN object.comment IS NOT NULL THEN
        ARRAY[format(''''COMMENT ON TRIGGER %I ON %s IS %L'''', object.tgname, ''''"shop"."orders"'''', object.comment)] END
      || CASE WHEN object.tgenabled <> ''''O'''' THEN
        ARRAY[format(''''ALTER TABLE %s %s TRIGGER %I'''', ''''"shop"."orders"'''', CASE object.tgenabled WHEN ''''D'''' THEN ''''DISABLE''''
          WHEN ''''R'''' THEN ''''ENABLE REPLICA'''' ELSE ''''ENABLE ALWAYS'''' END, object.tgname)] END;
    EXECUTE format(''''DROP TRIGGER %I ON %s'''', object.tgname, ''''"shop"."orders"'''');
  END LOOP;
  FOR object IN
    SELECT v.oid::regclass AS name, v.reloptions, w.rulename, w.oid AS rule,
      -- A use of the whole row refers to column 0.
      strpos(w.ev_action::text, format('''':varattno 0 :vartype %s '''', t.reltype)) > 0 AS whole_row
    FROM pg_class AS t
    JOIN pg_rewrite AS w ON w.oid IN (
      SELECT d.objid FROM pg_depend AS d
      WHERE d.classid = ''''pg_rewrite''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = t.oid
    )
    JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = ''''v'''' AND v.relowner = t.relowner
    WHERE t.oid = pgpartition.serving
    ORDER BY v.oid, w.rulename
  LOOP
    IF object.rulename <> ''''_RETURN'''' THEN
      later := later || regexp_replace(pg_get_ruledef(object.rule), ''''^CREATE RULE'''', ''''CREATE OR REPLACE RULE'''');
    ELSIF NOT object.whole_row THEN
      views := views || concat(''''CREATE OR REPLACE VIEW '''', object.name,
        '''' WITH ('''' || array_to_string(object.reloptions, '''', '''') || '''')'''', '''' AS '''', pg_get_viewdef(object.name));
    END IF;
  END LOOP;
  SELECT pgpartition.later || coalesce(array_agg(pg_get_functiondef(p.oid) ORDER BY p.oid), ''''{}'''') INTO pgpartition.later
    FROM pg_class AS t
    JOIN pg_proc AS p ON p.proowner = t.relowner AND p.prosqlbody IS NOT NULL
    WHERE t.oid = pgpartition.serving AND EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = ''''pg_proc''''::regclass AND d.objid = p.oid AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = t.oid
    ) AND NOT EXISTS (
      SELECT FROM pg_depend AS d
      JOIN pg_type AS y ON y.oid = d.refobjid AND t.reltype IN (y.oid, y.typelem)
      WHERE d.classid = ''''pg_proc''''::regclass AND d.objid = p.oid AND d.refclassid = ''''pg_type''''::regclass
    );
  FOR object IN
    SELECT p.pubname, concat('''' ('''' || (
        SELECT string_agg(quote_ident(a.attname), '''', '''' ORDER BY a.attnum)
        FROM pg_attribute AS a WHERE a.attrelid = pgpartition.serving AND a.attnum = ANY (r.prattrs::int2[])
      ) || '''')'''', '''' WHERE ('''' || pg_get_expr(r.prqual, pgpartition.serving) || '''')'''') AS part
    -- Postgres 14 has no such columns.
    FROM (SELECT NULL::int2vector AS prattrs, NULL::pg_node_tree AS prqual) AS since_15
    CROSS JOIN LATERAL (SELECT r.prpubid, prattrs, prqual FROM pg_publication_rel AS r WHERE r.prrelid = pgpartition.serving) AS r
    JOIN pg_publication AS p ON p.oid = r.prpubid
    ORDER BY p.pubname
  LOOP
    EXECUTE format(''''ALTER PUBLICATION %I DROP TABLE %s'''', object.pubname, ''''"shop"."orders"'''');
    later := later || format(''''ALTER PUBLICATION %I ADD TABLE %s%s'''', object.pubname, ''''"shop"."orders"'''', object.part);
  END LOOP;
  -- A sequence that a column owns and both tables use, such as that of a serial column, becomes owned by the other column.
  SELECT pgpartition.later || coalesce(array_agg(
      format(''''ALTER SEQUENCE %s OWNED BY %s.%I'''', d.objid::regclass, ''''"shop"."orders"'''', a.attname) ORDER BY a.attnum), ''''{}'''')
    INTO pgpartition.later
    FROM pg_depend AS d
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = ''''S''''
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = ''''pg_class''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.deptype = ''''a''''
      AND d.refobjid = pgpartition.serving;
  -- The key of the partitioned table, which the plain table lacks, replaces its own key.
  SELECT c.relname, x.indisreplident INTO pgpartition.row_key, pgpartition.has_replica_identity
    FROM pg_index AS x
    JOIN pg_class AS c ON c.oid = x.indexrelid
    CROSS JOIN LATERAL (
      SELECT array_agg(a.attname) AS names
      FROM unnest(x.indkey[0:x.indnkeyatts - 1]) AS k (attnum)
      JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
    ) AS columns
    WHERE x.indrelid = pgpartition.source AND x.indisunique AND x.indimmediate AND x.indisvalid AND NOT x.indisexclusion
      AND x.indpred IS NULL AND x.indexprs IS NULL AND columns.names @> ARRAY[''''id'''']::name[] AND columns.names <@ ARRAY[''''id'''']::name[]
      AND c.relname NOT IN (''''orders_source_own_key'''', ''''orders_source_key'''')
    ORDER BY x.indisprimary DESC, x.indexrelid
    LIMIT 1;
  FOR object IN
    SELECT k.conname, k.contype
    FROM pg_constraint AS k
    WHERE k.conrelid = pgpartition.copy AND k.contype IN (''''p'''', ''''u'''') AND NOT EXISTS (
      SELECT FROM pg_constraint AS s
      WHERE s.conrelid = pgpartition.source AND s.contype = k.contype
        AND pg_get_constraintdef(s.oid) = pg_get_constraintdef(k.oid)
    )
  LOOP
    IF pgpartition.object.contype = ''''p'''' THEN
      IF NOT EXISTS (
        SELECT FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid
        WHERE x.indrelid = pgpartition.source AND x.indisvalid AND x.indisunique AND c.relname = ''''orders_source_own_key''''
      ) THEN
        RAISE object_not_in_prerequisite_state USING
          MESSAGE = format(''''the table has no valid index %s any more, which its key needs again at a rollback: plan again'''', ''''orders_source_own_key'''');
      END IF;
      EXECUTE format(''''ALTER TABLE %s DROP CONSTRAINT %I'''', pgpartition.name, pgpartition.row_key);
      EXECUTE format(''''ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I'''', pgpartition.name, ''''orders_source_key'''', ''''orders_source_key'''');
    ELSE
      EXECUTE format(''''ALTER TABLE %s ADD CONSTRAINT %I UNIQUE USING INDEX %I'''', pgpartition.name, ''''orders_source_key'''', ''''orders_source_key'''');
      EXECUTE format(''''ALTER INDEX %I.%I RENAME TO %I'''', ''''shop'''', pgpartition.row_key, ''''orders_source_own_key'''');
    END IF;
    IF pgpartition.has_replica_identity THEN
      EXECUTE format(''''ALTER TABLE %s REPLICA IDENTITY USING INDEX %I'''', pgpartition.name, ''''orders_source_key'''');
    END IF;
    EXECUTE format(''''ALTER INDEX %I.%I RENAME TO %I'''', ''''shop'''', pgpartition.object.conname, pgpartition.row_key);
  END LOOP;
  EXECUTE format(''''ALTER TABLE %s RENAME TO %I'''', pgpartition.name, ''''orders_source'''');
  EXECUTE format(''''ALTER TABLE %s RENAME TO %I'''', ''''"shop"."orders_partitioned"'''', ''''orders'''');
  -- A partition uses the sequence of its table. Under this lock no session takes a number.
  FOR object IN
    SELECT k.attname, s.relname AS old, s.oid::regclass AS "from", q.oid::regclass AS "to"
    FROM pg_attribute AS k
    JOIN pg_depend AS d ON d.refclassid = ''''pg_class''''::regclass AND d.refobjid = k.attrelid AND d.refobjsubid = k.attnum
      AND d.classid = ''''pg_class''''::regclass AND d.deptype = ''''i''''
    JOIN pg_class AS s ON s.oid = d.objid
    JOIN pg_attribute AS c ON c.attrelid = pgpartition.copy AND c.attname = k.attname
    JOIN pg_depend AS e ON e.refclassid = ''''pg_class''''::regclass AND e.refobjid = c.attrelid AND e.refobjsubid = c.attnum
      AND e.classid = ''''pg_class''''::regclass AND e.deptype = ''''i''''
    JOIN pg_class AS q ON q.oid = e.objid
    WHERE k.attrelid = pgpartition.source AND k.attidentity <> ''''''''
  LOOP
    command := ''''pgpartition_sequence_'''' || pgpartition.object."from"::oid;
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE format(''''ALTER SEQUENCE %s RENAME TO %I'''', pgpartition.object."from", pgpartition.command);
    EXECUTE format(''''SELECT setval(%L::regclass, s.last_value, s.is_called) FROM %I.%I AS s'''', pgpartition.object."to"::oid,
      ''''shop'''', pgpartition.command);
    EXECUTE format(''''ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY'''', pgpartition.partition, pgpartition.object.attname);
    EXECUTE format(''''ALTER SEQUENCE %s RENAME TO %I'''', pgpartition.object."to", pgpartition.object.old);
  END LOOP;
  SELECT count(*) INTO pgpartition.indexes FROM pg_index AS x WHERE x.indrelid = pgpartition.source;
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
  EXECUTE format(''''ALTER TABLE %s ATTACH PARTITION %s %s'''', pgpartition.name, pgpartition.partition, ''''FOR VALUES FROM (''''''''2026-12-01'''''''') TO (''''''''2027-01-01'''''''')'''');
  IF pgpartition.indexes <> (SELECT count(*) FROM pg_index AS x WHERE x.indrelid = pgpartition.source) THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = ''''the table lacks an index of the partitioned table: plan again'''';
  END IF;
  -- Indexes of the serving table have the names that applications know.
  FOR object IN
    SELECT p.oid::regclass AS parent, c.oid::regclass AS child, c.relname, ''''pgpartition_index_'''' || c.oid AS fallback,
      ''''orders_source'''' || substr(p.relname, length(''''orders_partitioned'''') + 1) AS new, starts_with(p.relname, ''''orders_partitioned'''') AS is_named
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_class AS p ON p.oid = i.inhparent
    JOIN pg_index AS x ON x.indexrelid = c.oid AND x.indrelid = pgpartition.source
    WHERE c.relname <> ''''orders_source_key''''
  LOOP
    EXECUTE format(''''ALTER INDEX %s RENAME TO %I'''', pgpartition.object.child, CASE
      WHEN pgpartition.object.is_named AND octet_length(pgpartition.object.new) < 64
        AND to_regclass(format(''''%I.%I'''', ''''shop'''', pgpartition.object.new)) IS NULL THEN pgpartition.object.new
      ELSE pgpartition.object.fallback END);
    EXECUTE format(''''ALTER INDEX %s RENAME TO %I'''', pgpartition.object.parent, pgpartition.object.relname);
  END LOOP;
  FOREACH command IN ARRAY later LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE command;
  END LOOP;
  FOREACH command IN ARRAY views LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    BEGIN
      EXECUTE command;
    EXCEPTION
      -- The object groups by a key that the other table lacks, or has a column of the row type: it continues to read the
      -- same table.
      WHEN grouping_error OR invalid_table_definition THEN NULL;
    END;
  END LOOP;
  EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', pgpartition.name, (
    SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
    FROM unnest(string_to_array(obj_description(pgpartition.copy, ''''pg_class''''), E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
    WHERE NOT starts_with(l.line, ''''pgpartition.dev '''')));
  EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', pgpartition.partition,
    concat_ws(E''''\\\\n'''', ''''pgpartition.dev partition (oid 16384, parent 16400) of shop.orders FOR VALUES FROM (''''''''2026-12-01'''''''') TO (''''''''2027-01-01'''''''')
pgpartition.dev source of shop.orders'''', obj_description(pgpartition.source, ''''pg_class'''')));
  EXECUTE format(''''ALTER TABLE %s %s'''', pgpartition.partition, ''''DROP CONSTRAINT IF EXISTS "pgpartition_of_7458f44cdbf1d509"'''');
  END work;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  PERFORM set_config(''''pgpartition.sync'''', '''''''', true);
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  IF EXISTS (
    SELECT FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
    WHERE g.tgdeferrable AND g.tgenabled <> ''''D'''' AND c.contype IN (''''t'''', ''''x'''') AND pg_stat_get_xact_tuples_inserted(g.tgrelid)
      + pg_stat_get_xact_tuples_updated(g.tgrelid) + pg_stat_get_xact_tuples_deleted(g.tgrelid) > 0
  ) THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''code of a constraint wrote to a table with a deferrable trigger or exclusion constraint'''';
  END IF;
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
INSERT INTO pgpartition.conversions AS c (schema_name, table_name, serving_since) VALUES ('shop', 'orders', clock_timestamp()) ON CONFLICT (schema_name, table_name) DO UPDATE SET serving_since = excluded.serving_since;
-- detach-source
SET LOCAL lock_timeout = '100ms';
SET LOCAL statement_timeout = '950ms';
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF; END $records$;
DO $records$ DECLARE us name := current_user; whom text := 'the login role'; us_in_sql text := 'the login role'; kept_name name := 'conversions'; content text := 'the progress of conversions'; definition text := 'schema_name text, table_name text, reached text[], until text[], copied bigint NOT NULL DEFAULT 0, backfilled_at timestamptz, changed xid8, sync jsonb, repaired bigint NOT NULL DEFAULT 0, sweep jsonb, parity jsonb, serving_since timestamptz, partitions jsonb, PRIMARY KEY (schema_name, table_name)'; added text[] := ARRAY['serving_since', 'partitions']::text[]; added_definitions text[] := ARRAY['timestamptz', 'jsonb']::text[]; home record; kept record; missing record; other_owner oid; BEGIN 
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP; END $records$;
SET LOCAL ROLE "shop_owner";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_66a3882b'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_66a3882b(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_66a3882b(E'DO E''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  source oid := ''''"shop"."orders_source"''''::regclass;
  copy oid := ''''"shop"."orders"''''::regclass;
  is_new boolean := false;
  triggers text[] := ARRAY[''''sync_to_source_orders'''', ''''sync_to_source_orders_truncate'''', ''''sync_to_source_orders_update'''', ''''sync_to_source_orders_delete'''', ''''sync_to_source_orders_move'''']::text[];
  known text[] := ARRAY[]::text[];
  checks text[] := ARRAY[''''pgpartition_of_7458f44cdbf1d509'''']::text[];
  -- Deadline of all waits for locks together, which is that of a single wait.
  deadline timestamptz := clock_timestamp() + nullif(current_setting(''''lock_timeout''''), ''''0'''')::interval;
  serving oid := pgpartition.copy;
  name text := ''''"shop"."orders"'''';
  partition text := ''''"shop"."orders_source"'''';
  -- Commands to run after the exchange of names. Names in definitions then refer to the plain table.
  later text[] := ''''{}'''';
  views text[] := ''''{}'''';
  command text;
  object record;
  key record;
  own text;
  rows bigint;
BEGIN
  <<work>>
  BEGIN
  -- Views are locked first, in the order of their readers. ALTER VIEW … OWNER TO the same role only locks the view.
  FOR object IN
    SELECT DISTINCT v.oid::regclass AS name
    FROM pg_depend AS d
    JOIN pg_rewrite AS w ON w.oid = d.objid
    JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = ''''v''''
    WHERE d.classid = ''''pg_rewrite''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = pgpartition.serving
      AND d.deptype = ''''n'''' AND pg_get_userbyid(v.relowner) = current_user
    ORDER BY 1
  LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE format(''''ALTER VIEW %s OWNER TO CURRENT_USER'''', object.name);
  END LOOP;
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
  LOCK TABLE "shop"."orders" IN ACCESS EXCLUSIVE MODE;
  IF to_regclass(pgpartition.name)::oid IS DISTINCT FROM 16400 OR pgpartition.source <> 16384
    OR pgpartition.copy <> 16400 OR NOT EXISTS (
      SELECT FROM pg_inherits AS i WHERE i.inhrelid = 16384 AND i.inhparent = 16400
    ) OR strpos(E''''\\\\n'''' || obj_description(16384, ''''pg_class'''') || E''''\\\\n'''', E''''\\\\n'''' || ''''pgpartition.dev source of shop.orders'''' || E''''\\\\n'''') = 0
  THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = ''''another table has one of the names now: plan again'''';
  END IF;
  FOR command IN
    SELECT t.relid::regclass FROM pg_partition_tree(pgpartition.copy) AS t WHERE t.isleaf AND t.relid <> pgpartition.source
  LOOP
    EXECUTE format(''''SELECT FROM ONLY %s LIMIT 1'''', pgpartition.command) INTO object;
    GET DIAGNOSTICS rows = ROW_COUNT;
    IF pgpartition.rows > 0 THEN
      RAISE object_not_in_prerequisite_state USING
        MESSAGE = format(''''partition %s has rows, which a rollback would remove from the table'''', pgpartition.command);
    END IF;
  END LOOP;
  SELECT string_agg(s.description, '''', '''' ORDER BY s.description) INTO pgpartition.command FROM (
    -- Objects that depend on the partitioned table pgpartition.copy and that a rollback cannot recreate on its oldest partition pgpartition.source: they would
    -- depend on an empty table. ''''orders_source_key'''' is the name of the key that pgpartition.source got for the partitioned table.
    SELECT DISTINCT left(CASE WHEN w.rulename = ''''_RETURN'''' THEN pg_describe_object(''''pg_class''''::regclass, w.ev_class, 0)
                              ELSE pg_describe_object(d.classid, d.objid, 0) END, 300) AS description
    FROM pg_class AS t
    CROSS JOIN LATERAL (
        SELECT ''''pg_class''''::regclass, t.oid
        UNION ALL
        SELECT ''''pg_type''''::regclass, y.oid FROM pg_type AS y WHERE t.reltype IN (y.oid, y.typelem)
        UNION ALL
        -- The plain table gets its own key back, so a GROUP BY cannot rely on the other key.
        SELECT ''''pg_constraint''''::regclass, k.oid
        FROM pg_constraint AS k
        WHERE k.conrelid = t.oid AND k.contype = ''''p''''
          AND EXISTS (SELECT FROM pg_constraint AS o WHERE o.conrelid = pgpartition.source AND o.conname = ''''orders_source_key'''')
    ) AS of (classid, oid)
    JOIN pg_depend AS d ON d.refclassid = of.classid AND d.refobjid = of.oid AND d.deptype = ''''n''''
    LEFT JOIN pg_rewrite AS w ON d.classid = ''''pg_rewrite''''::regclass AND w.oid = d.objid
    LEFT JOIN pg_class AS v ON v.oid = w.ev_class
    LEFT JOIN pg_proc AS p ON d.classid = ''''pg_proc''''::regclass AND p.oid = d.objid
    LEFT JOIN pg_policy AS o ON d.classid = ''''pg_policy''''::regclass AND o.oid = d.objid
    LEFT JOIN pg_constraint AS k ON d.classid = ''''pg_constraint''''::regclass AND k.oid = d.objid
    WHERE t.oid = pgpartition.copy AND d.classid NOT IN (
        ''''pg_trigger''''::regclass, ''''pg_attrdef''''::regclass, ''''pg_publication_rel''''::regclass, ''''pg_statistic_ext''''::regclass
      )
      AND o.polrelid IS DISTINCT FROM t.oid
      AND (k.oid IS NULL OR k.contype = ''''f'''' AND k.confrelid = t.oid AND k.conparentid = 0)
      -- Views and functions of the owner are recreated.
      AND NOT (of.classid = ''''pg_class''''::regclass AND v.oid IS NOT NULL AND v.relkind = ''''v'''' AND v.relowner = t.relowner
        AND strpos(w.ev_action::text, format('''':varattno 0 :vartype %s '''', t.reltype)) = 0)
      AND NOT (of.classid = ''''pg_class''''::regclass AND p.oid IS NOT NULL AND p.prosqlbody IS NOT NULL AND p.proowner = t.relowner)
  ) AS s;
  IF pgpartition.command IS NOT NULL THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = format(''''a rollback would leave these objects with an empty partitioned table: %s'''',
        left(pgpartition.command, 1000));
  END IF;
  -- Triggers of the application, as the catalog deparses them.
  FOR object IN
    SELECT g.tgname, g.tgenabled, pg_get_triggerdef(g.oid) AS definition, obj_description(g.oid, ''''pg_trigger'''') AS comment
    FROM pg_trigger AS g
    WHERE g.tgrelid = pgpartition.serving AND NOT g.tgisinternal
    ORDER BY g.tgname
  LOOP
    later := later || object.definition
      || CASE WHEN object.comment IS NOT NULL THEN
        ARRAY[format(''''COMMENT ON TRIGGER %I ON %s IS %L'''', object.tgname, ''''"shop"."orders"'''', object.comment)] END
      || CASE WHEN object.tgenabled <> ''''O'''' THEN
        ARRAY[format(''''ALTER TABLE %s %s TRIGGER %I'''', ''''"shop"."orders"'''', CASE object.tgenabled WHEN ''''D'''' THEN ''''DISABLE''''
          WHEN ''''R'''' THEN ''''ENABLE REPLICA'''' ELSE ''''ENABLE ALWAYS'''' END, object.tgname)] END;
    EXECUTE format(''''DROP TRIGGER %I ON %s'''', object.tgname, ''''"shop"."orders"'''');
  END LOOP;
  FOR object IN
    SELECT v.oid::regclass AS name, v.reloptions, w.rulename, w.oid AS rule,
      -- A use of the whole row refers to column 0.
      strpos(w.ev_action::text, format('''':varattno 0 :vartype %s '''', t.reltype)) > 0 AS whole_row
    FROM pg_class AS t
    JOIN pg_rewrite AS w ON w.oid IN (
      SELECT d.objid FROM pg_depend AS d
      WHERE d.classid = ''''pg_rewrite''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = t.oid
    )
    JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = ''''v'''' AND v.relowner = t.relowner
    WHERE t.oid = pgpartition.serving
    ORDER BY v.oid, w.rulename
  LOOP
    IF object.rulename <> ''''_RETURN'''' THEN
      later := later || regexp_replace(pg_get_ruledef(object.rule), ''''^CREATE RULE'''', ''''CREATE OR REPLACE RULE'''');
    ELSIF NOT object.whole_row THEN
      views := views || concat(''''CREATE OR REPLACE VIEW '''', object.name,
        '''' WITH ('''' || array_to_string(object.reloptions, '''', '''') || '''')'''', '''' AS '''', pg_get_viewdef(object.name));
    END IF;
  END LOOP;
  SELECT pgpartition.later || coalesce(array_agg(pg_get_functiondef(p.oid) ORDER BY p.oid), ''''{}'''') INTO pgpartition.later
    FROM pg_class AS t
    JOIN pg_proc AS p ON p.proowner = t.relowner AND p.prosqlbody IS NOT NULL
    WHERE t.oid = pgpartition.serving AND EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = ''''pg_proc''''::regclass AND d.objid = p.oid AND d.refclassid = ''''pg_class''''::regclass AND d.refobjid = t.oid
    ) AND NOT EXISTS (
      SELECT FROM pg_depend AS d
      JOIN pg_type AS y ON y.oid = d.refobjid AND t.reltype IN (y.oid, y.typelem)
      WHERE d.classid = ''''pg_proc''''::regclass AND d.objid = p.oid AND d.refclassid = ''''pg_type''''::regclass
    );
  FOR object IN
    SELECT p.pubname, concat('''' ('''' || (
        SELECT string_agg(quote_ident(a.attname), '''', '''' ORDER BY a.attnum)
        FROM pg_attribute AS a WHERE a.attrelid = pgpartition.serving AND a.attnum = ANY (r.prattrs::int2[])
      ) || '''')'''', '''' WHERE ('''' || pg_get_expr(r.prqual, pgpartition.serving) || '''')'''') AS part
    -- Postgres 14 has no such columns.
    FROM (SELECT NULL::int2vector AS prattrs, NULL::pg_node_tree AS prqual) AS since_15
    CROSS JOIN LATERAL (SELECT r.prpubid, prattrs, prqual FROM pg_publication_rel AS r WHERE r.prrelid = pgpartition.serving) AS r
    JOIN pg_publication AS p ON p.oid = r.prpubid
    ORDER BY p.pubname
  LOOP
    EXECUTE format(''''ALTER PUBLICATION %I DROP TABLE %s'''', object.pubname, ''''"shop"."orders"'''');
    later := later || format(''''ALTER PUBLICATION %I ADD TABLE %s%s'''', object.pubname, ''''"shop"."orders"'''', object.part);
  END LOOP;
  -- A sequence that a column owns and both tables use, such as that of a serial column, becomes owned by the other column.
  SELECT pgpartition.later || coalesce(array_agg(
      format(''''ALTER SEQUENCE %s OWNED BY %s.%I'''', d.objid::regclass, ''''"shop"."orders"'''', a.attname) ORDER BY a.attnum), ''''{}'''')
    INTO pgpartition.later
    FROM pg_depend AS d
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = ''''S''''
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = ''''pg_class''''::regclass AND d.refclassid = ''''pg_class''''::regclass AND d.deptype = ''''a''''
      AND d.refobjid = pgpartition.serving;
  -- The key that replaced the key of the plain table, and the name that the latter gets back.
  SELECT k.oid, k.contype, x.indisreplident, p.relname AS name INTO key
    FROM pg_constraint AS k
    JOIN pg_index AS x ON x.indexrelid = k.conindid
    JOIN pg_inherits AS i ON i.inhrelid = k.conindid
    JOIN pg_class AS p ON p.oid = i.inhparent
    WHERE k.conrelid = pgpartition.source AND k.conname = ''''orders_source_key'''';
  own := obj_description(pgpartition.source, ''''pg_class'''');
  -- Indexes of the serving table have the names that applications know.
  FOR object IN
    SELECT p.oid::regclass AS parent, c.oid::regclass AS child, c.relname AS of_child, p.relname AS of_parent,
      ''''orders_partitioned'''' || substr(c.relname, length(''''orders_source'''') + 1) AS new, starts_with(c.relname, ''''orders_source'''') AS is_named
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_class AS p ON p.oid = i.inhparent
    JOIN pg_index AS x ON x.indexrelid = c.oid AND x.indrelid = pgpartition.source
  LOOP
    EXECUTE format(''''ALTER INDEX %s RENAME TO %I'''', pgpartition.object.parent, CASE
      WHEN pgpartition.object.is_named AND octet_length(pgpartition.object.new) < 64
        AND to_regclass(format(''''%I.%I'''', ''''shop'''', pgpartition.object.new)) IS NULL THEN pgpartition.object.new
      ELSE ''''pgpartition_index_'''' || pgpartition.object.parent::oid END);
    IF pgpartition.object.of_child <> ''''orders_source_key'''' THEN
      EXECUTE format(''''ALTER INDEX %s RENAME TO %I'''', pgpartition.object.child, pgpartition.object.of_parent);
    END IF;
  END LOOP;
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
  EXECUTE format(''''ALTER TABLE %s DETACH PARTITION %s'''', pgpartition.name, pgpartition.partition);
  EXECUTE format(''''ALTER TABLE %s RENAME TO %I'''', pgpartition.name, ''''orders_partitioned'''');
  EXECUTE format(''''ALTER TABLE %s RENAME TO %I'''', pgpartition.partition, ''''orders'''');
  IF pgpartition.key.oid IS NOT NULL THEN
    EXECUTE format(''''ALTER TABLE %s DROP CONSTRAINT %I'''', pgpartition.name, ''''orders_source_key'''');
    IF pgpartition.key.contype = ''''p'''' THEN
      EXECUTE format(''''ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I'''', pgpartition.name, pgpartition.key.name,
        ''''orders_source_own_key'''');
    ELSE
      EXECUTE format(''''ALTER INDEX %I.%I RENAME TO %I'''', ''''shop'''', ''''orders_source_own_key'''', pgpartition.key.name);
    END IF;
    IF pgpartition.key.indisreplident THEN
      EXECUTE format(''''ALTER TABLE %s REPLICA IDENTITY USING INDEX %I'''', pgpartition.name, pgpartition.key.name);
    END IF;
  END IF;
  FOR object IN
    SELECT c.attname, q.oid::regclass AS "from", q.oid, q.relname, q.relacl, q.relowner, CASE c.attidentity
        WHEN ''''a'''' THEN ''''ALWAYS'''' ELSE ''''BY DEFAULT'''' END AS generated,
      CASE WHEN starts_with(q.relname, ''''orders'''' || ''''_'''')
          AND octet_length(''''orders_partitioned'''' || substr(q.relname, length(''''orders'''') + 1)) < 64
        THEN ''''orders_partitioned'''' || substr(q.relname, length(''''orders'''') + 1) ELSE ''''pgpartition_sequence_'''' || q.oid END AS new,
      format(''''START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s'''', s.seqstart, s.seqincrement, s.seqmin,
        s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ''''CYCLE'''' ELSE ''''NO CYCLE'''' END) AS options
    FROM pg_attribute AS c
    JOIN pg_depend AS e ON e.refclassid = ''''pg_class''''::regclass AND e.refobjid = c.attrelid AND e.refobjsubid = c.attnum
      AND e.classid = ''''pg_class''''::regclass AND e.deptype = ''''i''''
    JOIN pg_class AS q ON q.oid = e.objid
    JOIN pg_sequence AS s ON s.seqrelid = q.oid
    WHERE c.attrelid = pgpartition.copy AND c.attidentity <> ''''''''
  LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE format(''''ALTER SEQUENCE %s RENAME TO %I'''', pgpartition.object."from", pgpartition.object.new);
    EXECUTE format(''''ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY IF EXISTS'''', pgpartition.name, pgpartition.object.attname);
    EXECUTE format(''''ALTER TABLE %s ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %I.%I %s)'''', pgpartition.name,
      pgpartition.object.attname, pgpartition.object.generated, ''''shop'''', pgpartition.object.relname, pgpartition.object.options);
    -- A session that waits for this lock takes its numbers from the other sequence. They are left out here.
    EXECUTE format(''''SELECT setval(%1$s::oid, CASE WHEN n.next BETWEEN s.seqmin AND s.seqmax THEN n.next ELSE v.last_value END::bigint,
      v.is_called) FROM %2$s AS v, pg_sequence AS s, LATERAL (SELECT v.last_value + s.seqincrement::numeric * s.seqcache
      * current_setting(''''''''max_connections'''''''')::int AS next) AS n WHERE s.seqrelid = %1$s'''', format(''''%I.%I'''', ''''shop'''', pgpartition.object.relname)::regclass::oid,
      format(''''%I.%I'''', ''''shop'''', pgpartition.object.new));
    FOR command IN
      SELECT format(''''GRANT %s ON SEQUENCE %I.%I TO %s%s'''', string_agg(a.privilege_type, '''', ''''), ''''shop'''',
        pgpartition.object.relname, coalesce(quote_ident(r.rolname), ''''PUBLIC''''),
        CASE WHEN a.is_grantable THEN '''' WITH GRANT OPTION'''' END)
      FROM aclexplode(pgpartition.object.relacl) AS a
      LEFT JOIN pg_roles AS r ON r.oid = a.grantee
      WHERE a.grantee <> pgpartition.object.relowner AND (a.grantee = 0 OR r.oid IS NOT NULL)
      GROUP BY a.grantee, r.rolname, a.is_grantable
    LOOP
      EXECUTE command;
    END LOOP;
  END LOOP;
  EXECUTE ''''DO ''''''''DECLARE other text; BEGIN SELECT format(''''''''''''''''%s: trigger %I on %s uses it'''''''''''''''', p.oid::regprocedure, g.tgname, g.tgrelid::regclass) INTO other FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''''''''''''''''shop'''''''''''''''' AND p.proname IN (''''''''''''''''orders_partitioned_read_only'''''''''''''''') AND g.tgparentid = 0 AND g.tgrelid NOT IN (''''''''''''''''"shop"."orders"''''''''''''''''::regclass, ''''''''''''''''"shop"."orders_partitioned"''''''''''''''''::regclass) LIMIT 1; IF FOUND THEN RAISE duplicate_function USING MESSAGE = concat(''''''''''''''''cannot replace function '''''''''''''''', other); END IF; END'''''''''''';
  EXECUTE ''''CREATE OR REPLACE FUNCTION "shop"."orders_partitioned_read_only"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''''''''pg_catalog'''''''', ''''''''pg_temp'''''''' AS ''''''''
BEGIN
  IF current_setting(''''''''''''''''pgpartition.sync'''''''''''''''', true) IS NOT DISTINCT FROM ''''''''''''''''on'''''''''''''''' THEN RETURN NULL; END IF;
  RAISE object_not_in_prerequisite_state USING MESSAGE = ''''''''''''''''cannot write to table shop.orders_partitioned, which is empty: write to shop.orders'''''''''''''''';
END
'''''''''''';
  EXECUTE ''''DO ''''''''DECLARE command text; BEGIN FOR command IN SELECT format(''''''''''''''''REVOKE ALL ON FUNCTION %s FROM %s'''''''''''''''', p.oid::regprocedure, CASE a.grantee WHEN 0 THEN ''''''''''''''''PUBLIC'''''''''''''''' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault(''''''''''''''''f'''''''''''''''', p.proowner))) AS a WHERE p.oid IN (''''''''''''''''"shop"."orders_partitioned_read_only"()''''''''''''''''::regprocedure) AND a.grantee <> p.proowner LOOP EXECUTE command; END LOOP; END'''''''''''';
  EXECUTE ''''CREATE OR REPLACE TRIGGER "read_only_until_cutover" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "shop"."orders_partitioned" FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "shop"."orders_partitioned_read_only"()'''';
  EXECUTE ''''ALTER TABLE ONLY "shop"."orders_partitioned" ENABLE ALWAYS TRIGGER "read_only_until_cutover"'''';
  FOREACH command IN ARRAY later LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    EXECUTE command;
  END LOOP;
  FOREACH command IN ARRAY views LOOP
  PERFORM set_config(''''lock_timeout'''', CASE WHEN pgpartition.deadline IS NULL THEN ''''0'''' ELSE greatest(1,
    ceil(extract(epoch FROM pgpartition.deadline - clock_timestamp()) * 1000))::text END, true);
    BEGIN
      EXECUTE command;
    EXCEPTION
      -- The object groups by a key that the other table lacks, or has a column of the row type: it continues to read the
      -- same table.
      WHEN grouping_error OR invalid_table_definition THEN NULL;
    END;
  END LOOP;
  EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', ''''"shop"."orders_partitioned"'''', concat_ws(E''''\\\\n'''', ''''pgpartition.dev copy of shop.orders'''', obj_description(pgpartition.copy, ''''pg_class'''')));
  EXECUTE format(''''COMMENT ON TABLE %s IS %L'''', pgpartition.name, (
    SELECT string_agg(l.line, E''''\\\\n'''' ORDER BY l.at)
    FROM unnest(string_to_array(pgpartition.own, E''''\\\\n'''')) WITH ORDINALITY AS l (line, at)
    WHERE NOT starts_with(l.line, ''''pgpartition.dev '''')));
  END work;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  PERFORM set_config(''''pgpartition.sync'''', '''''''', true);
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM pg_catalog.set_config(''''search_path'''', ''''pg_catalog, pg_temp'''', true);
  IF EXISTS (
    SELECT FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
    WHERE g.tgdeferrable AND g.tgenabled <> ''''D'''' AND c.contype IN (''''t'''', ''''x'''') AND pg_stat_get_xact_tuples_inserted(g.tgrelid)
      + pg_stat_get_xact_tuples_updated(g.tgrelid) + pg_stat_get_xact_tuples_deleted(g.tgrelid) > 0
  ) THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = ''''code of a constraint wrote to a table with a deferrable trigger or exclusion constraint'''';
  END IF;
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
INSERT INTO pgpartition.conversions AS c (schema_name, table_name, serving_since) VALUES ('shop', 'orders', clock_timestamp()) ON CONFLICT (schema_name, table_name) DO UPDATE SET serving_since = excluded.serving_since;
-- route
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '475ms';
SET LOCAL statement_timeout = '475ms';
CREATE SCHEMA "pgpartition_shop";
COMMENT ON SCHEMA "pgpartition_shop" IS 'pgpartition.dev schema of routing';
DROP VIEW "pgpartition_shop"."orders";
CREATE OR REPLACE VIEW "pgpartition_shop"."orders" WITH (security_invoker = true) AS SELECT "id", "org_id", "placed_at" FROM "shop"."orders_partitioned";
DO 'DECLARE entry record; BEGIN
  FOR entry IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN ''PUBLIC'' ELSE a.grantee::regrole::text END AS grantee
    FROM pg_class AS v, LATERAL (SELECT v.relacl AS acl UNION ALL
      SELECT t.attacl FROM pg_attribute AS t WHERE t.attrelid = v.oid AND t.attnum > 0) AS g, aclexplode(g.acl) AS a
    WHERE v.oid = ''"pgpartition_shop"."orders"''::regclass AND a.grantee <> v.relowner
  LOOP
    EXECUTE format(''REVOKE ALL ON %s FROM %s'', ''"pgpartition_shop"."orders"''::regclass, entry.grantee);
  END LOOP;
  FOR entry IN
    SELECT CASE a.grantee WHEN 0 THEN ''PUBLIC'' ELSE a.grantee::regrole::text END AS grantee,
      CASE WHEN g.attname IS NULL THEN '''' ELSE format('' (%I)'', g.attname) END AS of
    FROM pg_class AS s, LATERAL (SELECT NULL::name AS attname, s.relacl AS acl UNION ALL
      SELECT t.attname, t.attacl FROM pg_attribute AS t WHERE t.attrelid = s.oid AND t.attnum > 0 AND NOT t.attisdropped) AS g,
      aclexplode(g.acl) AS a
    WHERE s.oid = ''"shop"."orders"''::regclass AND a.privilege_type = ''SELECT'' AND a.grantee <> s.relowner
  LOOP
    EXECUTE format(''GRANT SELECT%s ON %s TO %s'', entry.of, ''"pgpartition_shop"."orders"''::regclass, entry.grantee);
  END LOOP;
END';
GRANT USAGE ON SCHEMA "pgpartition_shop" TO "reporting";
SET LOCAL ROLE "reporting";
DO 'BEGIN
  IF (SELECT substr(c, length(''search_path='') + 1) FROM pg_db_role_setting AS d, unnest(d.setconfig) AS c
      WHERE d.setrole = (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = ''reporting'')
        AND d.setdatabase = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
        AND starts_with(c, ''search_path='')) IS DISTINCT FROM ''shop, public'' THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = ''the search path of the role was changed meanwhile'';
  END IF;
END';
ALTER ROLE "reporting" IN DATABASE "shop" SET search_path = 'pgpartition_shop', 'shop', 'public';
SET LOCAL ROLE "shop_owner";
DO 'BEGIN EXECUTE format(''COMMENT ON VIEW %s IS %L'', ''"pgpartition_shop"."orders"''::regclass, concat(''pgpartition.dev routes shop.orders'', chr(10), (''{}''::jsonb || jsonb_build_object(''audit'', to_json(''1970-01-01T00:00:00Z''::text)) || jsonb_build_object(''reporting'', to_json(clock_timestamp())))::text)); END';
-- unroute
SET LOCAL ROLE "shop_owner";
SET LOCAL lock_timeout = '475ms';
SET LOCAL statement_timeout = '475ms';
SET LOCAL ROLE "reporting";
DO 'BEGIN
  IF (SELECT substr(c, length(''search_path='') + 1) FROM pg_db_role_setting AS d, unnest(d.setconfig) AS c
      WHERE d.setrole = (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = ''reporting'')
        AND d.setdatabase = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
        AND starts_with(c, ''search_path='')) IS DISTINCT FROM ''pgpartition_shop, shop'' THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = ''the search path of the role was changed meanwhile'';
  END IF;
END';
ALTER ROLE "reporting" IN DATABASE "shop" RESET search_path;
SET LOCAL ROLE "shop_owner";
DROP VIEW "pgpartition_shop"."orders";
DO 'BEGIN
  DROP SCHEMA "pgpartition_shop";
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL;
END';
