-- install_sync Row
DO 'DECLARE other text; BEGIN SELECT format(''%s: trigger %I on %s uses it'', p.oid::regprocedure, g.tgname, g.tgrelid::regclass) INTO other FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''shop'' AND p.proname IN (''sync_to_partitioned_orders'', ''sync_to_partitioned_orders_truncate'', ''orders_partitioned_read_only'') AND g.tgparentid = 0 AND g.tgrelid NOT IN (''"shop"."orders"''::regclass, ''"shop"."orders_partitioned"''::regclass) LIMIT 1; IF FOUND THEN RAISE duplicate_function USING MESSAGE = concat(''cannot replace function '', other); END IF; END';
CREATE OR REPLACE FUNCTION "shop"."sync_to_partitioned_orders"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS '
#variable_conflict use_column
BEGIN
  IF TG_OP = ''INSERT'' THEN
    INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
    SELECT s."id", s."org_id", s."at", s."status"
    FROM "shop"."orders" AS s WHERE s."id" = NEW."id" AND s."org_id" = NEW."org_id"
    ON CONFLICT ("id", "org_id") DO NOTHING;
    IF FOUND THEN RETURN NULL; END IF;
  END IF;
  IF TG_OP = ''DELETE'' OR TG_OP = ''UPDATE'' AND (OLD."id", OLD."org_id") IS DISTINCT FROM (NEW."id", NEW."org_id") THEN
    IF NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = OLD."id" AND s."org_id" = OLD."org_id") THEN
      DELETE FROM "shop"."orders_partitioned" AS t WHERE t."id" = OLD."id" AND t."org_id" = OLD."org_id";
      IF NOT FOUND AND current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') THEN
        BEGIN
          INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE VALUES (OLD."id", OLD."org_id", OLD."at", OLD."status") ON CONFLICT ("id", "org_id") DO NOTHING;
          DELETE FROM "shop"."orders_partitioned" AS t WHERE t."id" = OLD."id" AND t."org_id" = OLD."org_id";
        EXCEPTION WHEN integrity_constraint_violation THEN NULL;
        END;
      END IF;
    END IF;
    IF TG_OP = ''DELETE'' THEN RETURN NULL; END IF;
  END IF;
  INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
    SELECT s."id", s."org_id", s."at", s."status"
    FROM "shop"."orders" AS s WHERE s."id" = NEW."id" AND s."org_id" = NEW."org_id"
    ON CONFLICT ("id", "org_id") DO UPDATE SET "id" = EXCLUDED."id", "org_id" = EXCLUDED."org_id", "at" = EXCLUDED."at", "status" = EXCLUDED."status";
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
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_update" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_delete" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_move" ON "shop"."orders";
CREATE OR REPLACE TRIGGER "read_only_until_cutover" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "shop"."orders_partitioned" FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "shop"."orders_partitioned_read_only"();
ALTER TABLE ONLY "shop"."orders_partitioned" ENABLE ALWAYS TRIGGER "read_only_until_cutover";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders" AFTER INSERT OR DELETE OR UPDATE OF "id", "org_id", "at", "status" ON "shop"."orders" FOR EACH ROW EXECUTE FUNCTION "shop"."sync_to_partitioned_orders"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders_truncate" AFTER TRUNCATE ON "shop"."orders" FOR EACH STATEMENT EXECUTE FUNCTION "shop"."sync_to_partitioned_orders_truncate"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders_truncate";

-- install_sync Statement
DO 'DECLARE other text; BEGIN SELECT format(''%s: trigger %I on %s uses it'', p.oid::regprocedure, g.tgname, g.tgrelid::regclass) INTO other FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''shop'' AND p.proname IN (''sync_to_partitioned_orders'', ''sync_to_partitioned_orders_truncate'', ''sync_to_partitioned_orders_update'', ''sync_to_partitioned_orders_delete'', ''sync_to_partitioned_orders_move'', ''orders_partitioned_read_only'') AND g.tgparentid = 0 AND g.tgrelid NOT IN (''"shop"."orders"''::regclass, ''"shop"."orders_partitioned"''::regclass) LIMIT 1; IF FOUND THEN RAISE duplicate_function USING MESSAGE = concat(''cannot replace function '', other); END IF; END';
CREATE OR REPLACE FUNCTION "shop"."sync_to_partitioned_orders"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' SET "enable_hashjoin" = 'off' SET "enable_mergejoin" = 'off' AS '
#variable_conflict use_column
BEGIN
  DECLARE
    inserted bigint;
  BEGIN
    INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
    SELECT s."id", s."org_id", s."at", s."status"
    FROM "shop"."orders" AS s JOIN pgpartition_new AS n ON s."id" = n."id" AND s."org_id" = n."org_id"
    ON CONFLICT ("id", "org_id") DO NOTHING;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF inserted = (SELECT count(*) FROM pgpartition_new) THEN RETURN NULL; END IF;
  END;
  INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
    SELECT s."id", s."org_id", s."at", s."status"
    FROM "shop"."orders" AS s JOIN (SELECT DISTINCT n."id", n."org_id" FROM pgpartition_new AS n) AS n ON s."id" = n."id" AND s."org_id" = n."org_id"
    ON CONFLICT ("id", "org_id") DO UPDATE SET "id" = EXCLUDED."id", "org_id" = EXCLUDED."org_id", "at" = EXCLUDED."at", "status" = EXCLUDED."status";
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
CREATE OR REPLACE FUNCTION "shop"."sync_to_partitioned_orders_update"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' SET "enable_hashjoin" = 'off' SET "enable_mergejoin" = 'off' AS '
#variable_conflict use_column
BEGIN
  IF (SELECT count(*) FROM pg_index AS x WHERE x.indrelid = ''"shop"."orders_partitioned"''::regclass AND x.indisunique) > 1 THEN
    DELETE FROM "shop"."orders_partitioned" AS t USING (SELECT DISTINCT n."id", n."org_id" FROM pgpartition_new AS n) AS n WHERE t."id" = n."id" AND t."org_id" = n."org_id";
  END IF;
  INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
    SELECT s."id", s."org_id", s."at", s."status"
    FROM "shop"."orders" AS s JOIN (SELECT DISTINCT n."id", n."org_id" FROM pgpartition_new AS n) AS n ON s."id" = n."id" AND s."org_id" = n."org_id"
    ON CONFLICT ("id", "org_id") DO UPDATE SET "id" = EXCLUDED."id", "org_id" = EXCLUDED."org_id", "at" = EXCLUDED."at", "status" = EXCLUDED."status";
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "shop"."sync_to_partitioned_orders_delete"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' SET "enable_hashjoin" = 'off' SET "enable_mergejoin" = 'off' AS '
#variable_conflict use_column
BEGIN
  DECLARE
    deleted bigint;
  BEGIN
    DELETE FROM "shop"."orders_partitioned" AS t USING pgpartition_old AS o WHERE t."id" = o."id" AND t."org_id" = o."org_id" AND NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = o."id" AND s."org_id" = o."org_id");
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') AND deleted < (SELECT count(*) FROM pgpartition_old) THEN
      BEGIN
        INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE SELECT o."id", o."org_id", o."at", o."status" FROM pgpartition_old AS o WHERE NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = o."id" AND s."org_id" = o."org_id") ON CONFLICT ("id", "org_id") DO NOTHING;
        DELETE FROM "shop"."orders_partitioned" AS t USING pgpartition_old AS o WHERE t."id" = o."id" AND t."org_id" = o."org_id" AND NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = o."id" AND s."org_id" = o."org_id");
      EXCEPTION WHEN integrity_constraint_violation THEN NULL;
      END;
    END IF;
  END;
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "shop"."sync_to_partitioned_orders_move"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS '
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = OLD."id" AND s."org_id" = OLD."org_id") THEN
    DELETE FROM "shop"."orders_partitioned" AS t WHERE t."id" = OLD."id" AND t."org_id" = OLD."org_id";
    IF NOT FOUND AND current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') THEN
      BEGIN
        INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE VALUES (OLD."id", OLD."org_id", OLD."at", OLD."status") ON CONFLICT ("id", "org_id") DO NOTHING;
        DELETE FROM "shop"."orders_partitioned" AS t WHERE t."id" = OLD."id" AND t."org_id" = OLD."org_id";
      EXCEPTION WHEN integrity_constraint_violation THEN NULL;
      END;
    END IF;
  END IF;
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "shop"."orders_partitioned_read_only"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS '
BEGIN
  IF current_setting(''pgpartition.sync'', true) IS NOT DISTINCT FROM ''on'' THEN RETURN NULL; END IF;
  RAISE object_not_in_prerequisite_state USING MESSAGE = ''cannot write to table shop.orders_partitioned, which only the triggers of shop.orders write to: write to shop.orders'';
END
';
DO 'DECLARE command text; BEGIN FOR command IN SELECT format(''REVOKE ALL ON FUNCTION %s FROM %s'', p.oid::regprocedure, CASE a.grantee WHEN 0 THEN ''PUBLIC'' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault(''f'', p.proowner))) AS a WHERE p.oid IN (''"shop"."sync_to_partitioned_orders"()''::regprocedure, ''"shop"."sync_to_partitioned_orders_truncate"()''::regprocedure, ''"shop"."sync_to_partitioned_orders_update"()''::regprocedure, ''"shop"."sync_to_partitioned_orders_delete"()''::regprocedure, ''"shop"."sync_to_partitioned_orders_move"()''::regprocedure, ''"shop"."orders_partitioned_read_only"()''::regprocedure) AND a.grantee <> p.proowner LOOP EXECUTE command; END LOOP; END';
CREATE OR REPLACE TRIGGER "read_only_until_cutover" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "shop"."orders_partitioned" FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "shop"."orders_partitioned_read_only"();
ALTER TABLE ONLY "shop"."orders_partitioned" ENABLE ALWAYS TRIGGER "read_only_until_cutover";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders" AFTER INSERT ON "shop"."orders" REFERENCING NEW TABLE AS pgpartition_new FOR EACH STATEMENT EXECUTE FUNCTION "shop"."sync_to_partitioned_orders"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders_truncate" AFTER TRUNCATE ON "shop"."orders" FOR EACH STATEMENT EXECUTE FUNCTION "shop"."sync_to_partitioned_orders_truncate"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders_truncate";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders_update" AFTER UPDATE ON "shop"."orders" REFERENCING NEW TABLE AS pgpartition_new FOR EACH STATEMENT EXECUTE FUNCTION "shop"."sync_to_partitioned_orders_update"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders_update";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders_delete" AFTER DELETE ON "shop"."orders" REFERENCING OLD TABLE AS pgpartition_old FOR EACH STATEMENT EXECUTE FUNCTION "shop"."sync_to_partitioned_orders_delete"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders_delete";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_orders_move" AFTER UPDATE OF "id", "org_id", "at", "status" ON "shop"."orders" FOR EACH ROW WHEN ((OLD."id", OLD."org_id") IS DISTINCT FROM (NEW."id", NEW."org_id")) EXECUTE FUNCTION "shop"."sync_to_partitioned_orders_move"();
ALTER TABLE "shop"."orders" ENABLE ALWAYS TRIGGER "sync_to_partitioned_orders_move";

-- record_sync Row
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
INSERT INTO pgpartition.conversions AS c (schema_name, table_name, sync) SELECT 'shop', 'orders', jsonb_build_object('level', '"Row"'::jsonb, 'columns', '["id","org_id","at","status"]'::jsonb, 'triggers', (SELECT jsonb_object_agg(w.name, jsonb_build_object('oid', g.oid::bigint, 'xmin', g.xmin::text::bigint, 'digest', w.digest)) FROM jsonb_to_recordset('[{"digest":"e26c5ccb0284e1ee","name":"read_only_until_cutover","relation":"orders_partitioned"},{"digest":"db576a43ea08cfa6","name":"sync_to_partitioned_orders","relation":"orders"},{"digest":"57e950645ae9176e","name":"sync_to_partitioned_orders_truncate","relation":"orders"}]'::jsonb) AS w (relation text, name text, digest text) JOIN pg_namespace AS n ON n.nspname = 'shop' JOIN pg_class AS r ON r.relnamespace = n.oid AND r.relname = w.relation JOIN pg_trigger AS g ON g.tgrelid = r.oid AND g.tgname = w.name), 'functions', (SELECT jsonb_object_agg(w.name, jsonb_build_object('oid', p.oid::bigint, 'xmin', p.xmin::text::bigint, 'digest', w.digest)) FROM jsonb_to_recordset('[{"digest":"79684b367a093bb0","name":"orders_partitioned_read_only"},{"digest":"c85df9689d6bc5a4","name":"sync_to_partitioned_orders"},{"digest":"4560e4f474e0768d","name":"sync_to_partitioned_orders_truncate"}]'::jsonb) AS w (name text, digest text) JOIN pg_namespace AS n ON n.nspname = 'shop' JOIN pg_proc AS p ON p.pronamespace = n.oid AND p.proname = w.name AND p.pronargs = 0)) ON CONFLICT (schema_name, table_name) DO UPDATE SET sync = excluded.sync, sweep = CASE WHEN current_setting('pgpartition.intact') = 'true' THEN c.sweep END, parity = CASE WHEN current_setting('pgpartition.intact') = 'true' THEN c.parity END;

-- note_sync
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
    END IF; END $records$;
DO 'BEGIN PERFORM set_config(''pgpartition.intact'', EXISTS (SELECT FROM pgpartition.conversions AS c WHERE c.schema_name = ''shop'' AND c.table_name = ''orders'' AND c.sync IS NOT NULL AND NOT EXISTS (SELECT FROM jsonb_each(c.sync->''triggers'') AS w (name, was) WHERE NOT EXISTS (SELECT FROM pg_trigger AS o WHERE o.oid::text = w.was->>''oid'' AND o.xmin::text = w.was->>''xmin'' AND o.tgenabled = ''A'')) AND NOT EXISTS (SELECT FROM jsonb_each(c.sync->''functions'') AS w (name, was) WHERE NOT EXISTS (SELECT FROM pg_proc AS o WHERE o.oid::text = w.was->>''oid'' AND o.xmin::text = w.was->>''xmin'')))::text, true); END';

-- remove_sync
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_truncate" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_update" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_delete" ON "shop"."orders";
DROP TRIGGER IF EXISTS "sync_to_partitioned_orders_move" ON "shop"."orders";
DROP TRIGGER IF EXISTS "read_only_until_cutover" ON "shop"."orders_partitioned";
DO 'DECLARE command text; BEGIN FOR command IN SELECT format(''DROP FUNCTION %s'', p.oid::regprocedure) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''shop'' AND p.proname IN (''sync_to_partitioned_orders'', ''sync_to_partitioned_orders_truncate'', ''sync_to_partitioned_orders_update'', ''sync_to_partitioned_orders_delete'', ''sync_to_partitioned_orders_move'', ''orders_partitioned_read_only'') AND p.pronargs = 0 AND p.prokind = ''f'' AND NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgfoid = p.oid AND g.tgrelid NOT IN (''"shop"."orders"''::regclass, ''"shop"."orders_partitioned"''::regclass)) LOOP EXECUTE command; END LOOP; END';

-- delete_record
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

-- copy_page
SET LOCAL lock_timeout = '50ms';
SET LOCAL statement_timeout = '1425ms';
SET LOCAL synchronous_commit = off;
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
    END IF; END $records$;
DO 'BEGIN IF current_setting(''track_counts'') <> ''on'' THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''track_counts is off: set it to on for the server, the database, and the login role''; END IF; PERFORM FROM pgpartition.conversions AS c WHERE c.schema_name = ''shop'' AND c.table_name = ''orders'' AND c.backfilled_at IS NULL FOR UPDATE NOWAIT; IF NOT FOUND THEN RAISE no_data_found USING MESSAGE = ''the conversion has no such work left: plan again''; END IF; PERFORM set_config(''pgpartition.reached'', coalesce(c.reached::text, ''''), true), set_config(''pgpartition.until'', coalesce(c.until::text, ''''), true) FROM pgpartition.conversions AS c WHERE c.schema_name = ''shop'' AND c.table_name = ''orders''; END';
SET LOCAL ROLE "own;\er";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_8be0f1b5'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_8be0f1b5(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_8be0f1b5('DO ''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  reached text[] := nullif(current_setting(''''pgpartition.reached''''), '''''''')::text[];
  until text[] := nullif(current_setting(''''pgpartition.until''''), '''''''')::text[];
  after_1 "shop"."orders"."id"%TYPE := pgpartition.reached[1];
  last_1 "shop"."orders"."id"%TYPE := pgpartition.until[1];
  upto_1 "shop"."orders"."id"%TYPE;
  is_first boolean := pgpartition.reached IS NULL;
  copied bigint := 0;
  done boolean := true;
  blocks boolean := false;
BEGIN
  <<work>>
  BEGIN
  IF pgpartition.until IS NULL THEN
    SELECT s."id" INTO pgpartition.last_1 FROM "shop"."orders" AS s ORDER BY s."id" DESC LIMIT 1;
    EXIT work WHEN NOT FOUND;
    until := ARRAY[pgpartition.last_1::text];
  END IF;
  SELECT s."id" INTO pgpartition.upto_1 FROM "shop"."orders" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) AND (s."id") <= (pgpartition.last_1) ORDER BY s."id" OFFSET 999 LIMIT 1;
  done := NOT FOUND;
  IF done THEN
    upto_1 := last_1;
  END IF;
  PERFORM set_config(''''pgpartition.sync'''', ''''on'''', true);
  PERFORM FROM "shop"."orders_partitioned" AS t WHERE (pgpartition.is_first OR (t."id") > (pgpartition.after_1)) AND (t."id") <= (pgpartition.upto_1) ORDER BY t."id" LIMIT 1;
  BEGIN
    IF FOUND THEN
    INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
      SELECT page."id", page."org_id", page."at", page."status" FROM (SELECT s."id", s."org_id", s."at", s."status" FROM "shop"."orders" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) AND (s."id") <= (pgpartition.upto_1) ORDER BY s."id" FOR SHARE) AS page
      WHERE NOT EXISTS (SELECT FROM "shop"."orders_partitioned" AS t WHERE (pgpartition.is_first OR (t."id") > (pgpartition.after_1)) AND (t."id") <= (pgpartition.upto_1) AND t."id" = page."id" AND t."org_id" = page."org_id");
    ELSE
    INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
      SELECT page."id", page."org_id", page."at", page."status" FROM (SELECT s."id", s."org_id", s."at", s."status" FROM "shop"."orders" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) AND (s."id") <= (pgpartition.upto_1) ORDER BY s."id" FOR SHARE) AS page;
    END IF;
    GET DIAGNOSTICS copied = ROW_COUNT;
    blocks := EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));
  EXCEPTION WHEN unique_violation OR exclusion_violation THEN
    INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
      SELECT page."id", page."org_id", page."at", page."status" FROM (SELECT s."id", s."org_id", s."at", s."status" FROM "shop"."orders" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) AND (s."id") <= (pgpartition.upto_1) ORDER BY s."id" FOR SHARE) AS page
      ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS copied = ROW_COUNT;
    blocks := EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));
  END;
  reached := ARRAY[pgpartition.upto_1::text];
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
  PERFORM set_config(''''pgpartition.answer'''', jsonb_build_object(''''reached'''', pgpartition.reached, ''''until'''', pgpartition.until, ''''copied'''', pgpartition.copied, ''''done'''', pgpartition.done, ''''blocks'''', pgpartition.blocks)::text, true);
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
UPDATE pgpartition.conversions AS c SET reached = a.reached, until = a.until, copied = c.copied + a.copied, changed = pg_current_xact_id(), backfilled_at = CASE WHEN a.done THEN clock_timestamp() END FROM jsonb_to_record(current_setting('pgpartition.answer')::jsonb) AS a (reached text[], until text[], copied bigint, done boolean, blocks boolean) WHERE c.schema_name = 'shop' AND c.table_name = 'orders' RETURNING json_build_object('copied', a.copied, 'total', c.copied, 'done', a.done, 'blocks', a.blocks)::text;

-- compare_page
SET LOCAL lock_timeout = '50ms';
SET LOCAL statement_timeout = '1425ms';
SET LOCAL synchronous_commit = off;
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
    END IF; END $records$;
UPDATE pgpartition.conversions AS c SET partitions = l.found, sweep = NULL, parity = NULL FROM (SELECT coalesce(jsonb_object_agg(i.inhrelid::text, jsonb_build_array(child.relfilenode::bigint, i.xmin::text::bigint)), '{}') FROM pg_inherits AS i JOIN pg_class AS child ON child.oid = i.inhrelid JOIN pg_class AS parent ON parent.oid = i.inhparent JOIN pg_namespace AS n ON n.oid = parent.relnamespace WHERE n.nspname = 'shop' AND parent.relname = 'orders_partitioned') AS l (found) WHERE c.schema_name = 'shop' AND c.table_name = 'orders' AND c.partitions IS DISTINCT FROM l.found;
UPDATE pgpartition.conversions AS c SET sweep = CASE WHEN (c.sweep->>'startedAt')::timestamptz = '1970-01-01T00:00:00Z'::timestamptz THEN NULL ELSE c.sweep END, parity = CASE WHEN (c.parity->>'startedAt')::timestamptz = '1970-01-01T00:00:00Z'::timestamptz THEN jsonb_set(c.parity, '{dirtyInARow}', '0') ELSE c.parity END WHERE c.schema_name = 'shop' AND c.table_name = 'orders' AND ((c.sweep->>'startedAt')::timestamptz = '1970-01-01T00:00:00Z'::timestamptz OR (c.parity->>'startedAt')::timestamptz = '1970-01-01T00:00:00Z'::timestamptz AND c.parity->>'dirtyInARow' <> '0');
DO 'BEGIN IF current_setting(''track_counts'') <> ''on'' THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''track_counts is off: set it to on for the server, the database, and the login role''; END IF; PERFORM FROM pgpartition.conversions AS c WHERE c.schema_name = ''shop'' AND c.table_name = ''orders'' AND c.backfilled_at IS NOT NULL FOR UPDATE NOWAIT; IF NOT FOUND THEN RAISE no_data_found USING MESSAGE = ''the conversion has no such work left: plan again''; END IF; PERFORM set_config(''pgpartition.reached'', coalesce((SELECT array_agg(k.part ORDER BY k.at) FROM jsonb_array_elements_text(c.sweep->''reached'') WITH ORDINALITY AS k (part, at))::text, ''''), true) FROM pgpartition.conversions AS c WHERE c.schema_name = ''shop'' AND c.table_name = ''orders''; END';
SET LOCAL ROLE "own;\er";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_8be0f1b5'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_8be0f1b5(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_8be0f1b5('DO ''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  reached text[] := nullif(current_setting(''''pgpartition.reached''''), '''''''')::text[];
  after_1 "shop"."orders"."id"%TYPE := pgpartition.reached[1];
  upto_1 "shop"."orders"."id"%TYPE;
  found_1 "shop"."orders"."id"%TYPE;
  found_2 "shop"."orders"."org_id"%TYPE;
  is_first boolean := pgpartition.reached IS NULL;
  is_last boolean;
  keys text[];
  key text[];
  source_rows bigint;
  copy_rows bigint;
  differing bigint := 0;
  repaired bigint := 0;
  done boolean;
  blocks boolean := false;
BEGIN
  <<work>>
  BEGIN
  SELECT s."id" INTO pgpartition.upto_1 FROM "shop"."orders" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) ORDER BY s."id" OFFSET 999 LIMIT 1;
  is_last := NOT FOUND;
  done := is_last;
  reached := CASE WHEN NOT done THEN ARRAY[pgpartition.upto_1::text] END;
  LOOP
  SELECT count(a."id"), count(b."id"), array_agg(ARRAY[coalesce(a."id", b."id")::text, coalesce(a."org_id", b."org_id")::text]) FILTER (WHERE a."id" IS NULL OR b."id" IS NULL OR ROW(a."id", a."org_id", a."at", a."status")::record *<> ROW(b."id", b."org_id", b."at", b."status")::record)
    INTO source_rows, copy_rows, pgpartition.keys
    FROM (SELECT s."id", s."org_id", s."at", s."status" FROM "shop"."orders" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) AND (pgpartition.is_last OR (s."id") <= (pgpartition.upto_1))) AS a
    FULL JOIN (SELECT s."id", s."org_id", s."at", s."status" FROM "shop"."orders_partitioned" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) AND (pgpartition.is_last OR (s."id") <= (pgpartition.upto_1)) LIMIT 2000 + 1) AS b
    ON a."id" = b."id" AND a."org_id" = b."org_id";
  differing := coalesce(array_length(keys, 1), 0);
  keys := keys[1:100];
  EXIT WHEN copy_rows <= 2000;
  SELECT s."id" INTO pgpartition.upto_1 FROM "shop"."orders_partitioned" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) ORDER BY s."id" OFFSET 999 LIMIT 1;
  is_last := NOT FOUND;
  done := is_last;
  reached := CASE WHEN NOT done THEN ARRAY[pgpartition.upto_1::text] END;
  END LOOP;
  EXIT work WHEN keys IS NULL OR 100 < 1;
  PERFORM set_config(''''pgpartition.sync'''', ''''on'''', true);
  FOREACH key SLICE 1 IN ARRAY keys LOOP
    found_1 := key[1];
    found_2 := key[2];
    PERFORM FROM "shop"."orders" AS s WHERE s."id" = pgpartition.found_1 AND s."org_id" = pgpartition.found_2 FOR SHARE;
    PERFORM FROM "shop"."orders_partitioned" AS t WHERE t."id" = pgpartition.found_1 AND t."org_id" = pgpartition.found_2 FOR UPDATE;
    DELETE FROM "shop"."orders_partitioned" AS t WHERE t."id" = pgpartition.found_1 AND t."org_id" = pgpartition.found_2
      AND NOT EXISTS (SELECT FROM "shop"."orders" AS s WHERE s."id" = t."id" AND s."org_id" = t."org_id");
    INSERT INTO "shop"."orders_partitioned" ("id", "org_id", "at", "status") OVERRIDING SYSTEM VALUE
      SELECT s."id", s."org_id", s."at", s."status" FROM "shop"."orders" AS s WHERE s."id" = pgpartition.found_1 AND s."org_id" = pgpartition.found_2
      ON CONFLICT ("id", "org_id") DO UPDATE SET "id" = EXCLUDED."id", "org_id" = EXCLUDED."org_id", "at" = EXCLUDED."at", "status" = EXCLUDED."status";
    repaired := repaired + 1;
  END LOOP;
  blocks := EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));
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
  PERFORM set_config(''''pgpartition.answer'''', jsonb_build_object(''''reached'''', pgpartition.reached, ''''source_rows'''', pgpartition.source_rows, ''''copy_rows'''', pgpartition.copy_rows, ''''differing'''', pgpartition.differing, ''''repaired'''', pgpartition.repaired, ''''done'''', pgpartition.done, ''''blocks'''', pgpartition.blocks)::text, true);
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
UPDATE pgpartition.conversions AS c SET changed = CASE WHEN a.repaired > 0 THEN pg_current_xact_id() ELSE c.changed END, repaired = c.repaired + a.repaired, parity = CASE WHEN a.done THEN jsonb_build_object('startedAt', coalesce(c.sweep->'startedAt', to_jsonb(now())), 'content', coalesce((c.sweep->>'content')::boolean, true) AND true, 'rowsSource', coalesce((c.sweep->>'rowsSource')::bigint, 0) + a.source_rows, 'rowsPartitioned', coalesce((c.sweep->>'rowsPartitioned')::bigint, 0) + a.copy_rows, 'differenceRows', coalesce((c.sweep->>'differenceRows')::bigint, 0) + a.differing, 'mismatchedRanges', coalesce((c.sweep->>'mismatchedRanges')::bigint, 0) + (a.differing > 0)::int, 'repairedRows', coalesce((c.sweep->>'repairedRows')::bigint, 0) + a.repaired) || jsonb_build_object('checkedAt', clock_timestamp(), 'dirtyInARow', CASE WHEN coalesce((c.sweep->>'differenceRows')::bigint, 0) + a.differing > 0 THEN coalesce((c.parity->>'dirtyInARow')::bigint, 0) + 1 ELSE 0 END) ELSE c.parity END, sweep = CASE WHEN NOT a.done THEN jsonb_build_object('startedAt', coalesce(c.sweep->'startedAt', to_jsonb(now())), 'content', coalesce((c.sweep->>'content')::boolean, true) AND true, 'rowsSource', coalesce((c.sweep->>'rowsSource')::bigint, 0) + a.source_rows, 'rowsPartitioned', coalesce((c.sweep->>'rowsPartitioned')::bigint, 0) + a.copy_rows, 'differenceRows', coalesce((c.sweep->>'differenceRows')::bigint, 0) + a.differing, 'mismatchedRanges', coalesce((c.sweep->>'mismatchedRanges')::bigint, 0) + (a.differing > 0)::int, 'repairedRows', coalesce((c.sweep->>'repairedRows')::bigint, 0) + a.repaired) || jsonb_build_object('reached', to_jsonb(a.reached)) END FROM jsonb_to_record(current_setting('pgpartition.answer')::jsonb) AS a (reached text[], source_rows bigint, copy_rows bigint, differing bigint, repaired bigint, done boolean, blocks boolean) WHERE c.schema_name = 'shop' AND c.table_name = 'orders' RETURNING json_build_object('sourceRows', a.source_rows, 'copyRows', a.copy_rows, 'differing', a.differing, 'repaired', a.repaired, 'done', a.done, 'blocks', a.blocks)::text;

-- begin_verify
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '50ms';
SET LOCAL statement_timeout = '1425ms';
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_8be0f1b5'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_8be0f1b5(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CREATE TEMPORARY TABLE pg_temp.pgpartition_verified (reached text[]);
INSERT INTO pg_temp.pgpartition_verified VALUES (NULL);

-- verify_page
SET LOCAL lock_timeout = '50ms';
SET LOCAL statement_timeout = '1425ms';
DO 'BEGIN IF current_setting(''track_counts'') <> ''on'' THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''track_counts is off: set it to on for the server, the database, and the login role''; END IF; END';
SET LOCAL ROLE "own;\er";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_8be0f1b5'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_8be0f1b5(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_8be0f1b5('DO ''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  reached text[] := (SELECT v.reached FROM pg_temp.pgpartition_verified AS v);
  after_1 "shop"."orders"."id"%TYPE := pgpartition.reached[1];
  upto_1 "shop"."orders"."id"%TYPE;
  is_first boolean := pgpartition.reached IS NULL;
  is_last boolean;
  keys text[];
  source_rows bigint;
  copy_rows bigint;
  differing bigint := 0;
  done boolean;
BEGIN
  <<work>>
  BEGIN
  SELECT s."id" INTO pgpartition.upto_1 FROM "shop"."orders" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) ORDER BY s."id" OFFSET 999 LIMIT 1;
  is_last := NOT FOUND;
  done := is_last;
  reached := CASE WHEN NOT done THEN ARRAY[pgpartition.upto_1::text] END;
  LOOP
  SELECT count(a."id"), count(b."id"), array_agg(ARRAY[CASE WHEN a."id" IS NULL THEN ''''extra'''' WHEN b."id" IS NULL THEN ''''missing'''' ELSE ''''different'''' END, coalesce(a."id", b."id")::text, coalesce(a."org_id", b."org_id")::text]) FILTER (WHERE a."id" IS NULL OR b."id" IS NULL OR ROW(a."id", a."org_id", a."at", a."status")::record *<> ROW(b."id", b."org_id", b."at", b."status")::record)
    INTO source_rows, copy_rows, pgpartition.keys
    FROM (SELECT s."id", s."org_id", s."at", s."status" FROM "shop"."orders" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) AND (pgpartition.is_last OR (s."id") <= (pgpartition.upto_1))) AS a
    FULL JOIN (SELECT s."id", s."org_id", s."at", s."status" FROM "shop"."orders_partitioned" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) AND (pgpartition.is_last OR (s."id") <= (pgpartition.upto_1)) LIMIT 2000 + 1) AS b
    ON a."id" = b."id" AND a."org_id" = b."org_id";
  differing := coalesce(array_length(keys, 1), 0);
  keys := keys[1:100];
  EXIT WHEN copy_rows <= 2000;
  SELECT s."id" INTO pgpartition.upto_1 FROM "shop"."orders_partitioned" AS s WHERE (pgpartition.is_first OR (s."id") > (pgpartition.after_1)) ORDER BY s."id" OFFSET 999 LIMIT 1;
  is_last := NOT FOUND;
  done := is_last;
  reached := CASE WHEN NOT done THEN ARRAY[pgpartition.upto_1::text] END;
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
  UPDATE pg_temp.pgpartition_verified AS v SET reached = pgpartition.reached;
  PERFORM set_config(''''pgpartition.answer'''', jsonb_build_object(''''source_rows'''', pgpartition.source_rows, ''''copy_rows'''', pgpartition.copy_rows, ''''differing'''', pgpartition.differing, ''''keys'''', pgpartition.keys, ''''done'''', pgpartition.done)::text, true);
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
SELECT current_setting('pgpartition.answer');

-- record_partition
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
    END IF; END $records$;
UPDATE pgpartition.conversions AS c SET partitions = l.found || c.partitions FROM (SELECT coalesce(jsonb_object_agg(i.inhrelid::text, jsonb_build_array(child.relfilenode::bigint, i.xmin::text::bigint)), '{}') FROM pg_inherits AS i JOIN pg_class AS child ON child.oid = i.inhrelid JOIN pg_class AS parent ON parent.oid = i.inhparent JOIN pg_namespace AS n ON n.oid = child.relnamespace WHERE n.nspname = 'shop' AND child.relname = 'orders_partitioned') AS l (found) WHERE c.schema_name = 'shop' AND c.table_name = 'orders';

-- install_sync Row
DO E'DECLARE other text; BEGIN SELECT format(''%s: trigger %I on %s uses it'', p.oid::regprocedure, g.tgname, g.tgrelid::regclass) INTO other FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''Fin"an;ce'' AND p.proname IN (''sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3'', ''sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate'', ''größe_大きさ_of_exactly_63__866c0426_partitioned_read_only'') AND g.tgparentid = 0 AND g.tgrelid NOT IN (E''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"''::regclass, ''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned"''::regclass) LIMIT 1; IF FOUND THEN RAISE duplicate_function USING MESSAGE = concat(''cannot replace function '', other); END IF; END';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS E'
#variable_conflict use_column
BEGIN
  IF TG_OP = ''INSERT'' THEN
    INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" ("k''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\", "''''", "$$") OVERRIDING SYSTEM VALUE
    SELECT s."k''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\", s."''''", s."$$"
    FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = NEW."k''e
y" AND s."pgpartition" = NEW."pgpartition" AND s."select" = NEW."select"
    ON CONFLICT ("k''e
y", "pgpartition", "select") DO NOTHING;
    IF FOUND THEN RETURN NULL; END IF;
  END IF;
  IF TG_OP = ''DELETE'' OR TG_OP = ''UPDATE'' AND (OLD."k''e
y", OLD."pgpartition", OLD."select") IS DISTINCT FROM (NEW."k''e
y", NEW."pgpartition", NEW."select") THEN
    IF NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = OLD."k''e
y" AND s."pgpartition" = OLD."pgpartition" AND s."select" = OLD."select") THEN
      DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t WHERE t."k''e
y" = OLD."k''e
y" AND t."pgpartition" = OLD."pgpartition" AND t."select" = OLD."select";
      IF NOT FOUND AND current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') THEN
        BEGIN
          INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" ("k''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\", "''''", "$$") OVERRIDING SYSTEM VALUE VALUES (OLD."k''e
y", OLD."pgpartition", OLD."select", OLD."s", OLD."t", OLD."new", OLD."old", OLD."found", OLD."at", OLD."reached", OLD."pgpartition_a", OLD."a;b", OLD."\\", OLD."''''", OLD."$$") ON CONFLICT ("k''e
y", "pgpartition", "select") DO NOTHING;
          DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t WHERE t."k''e
y" = OLD."k''e
y" AND t."pgpartition" = OLD."pgpartition" AND t."select" = OLD."select";
        EXCEPTION WHEN integrity_constraint_violation THEN NULL;
        END;
      END IF;
    END IF;
    IF TG_OP = ''DELETE'' THEN RETURN NULL; END IF;
  END IF;
  INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" ("k''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\", "''''", "$$") OVERRIDING SYSTEM VALUE
    SELECT s."k''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\", s."''''", s."$$"
    FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = NEW."k''e
y" AND s."pgpartition" = NEW."pgpartition" AND s."select" = NEW."select"
    ON CONFLICT ("k''e
y", "pgpartition", "select") DO UPDATE SET "k''e
y" = EXCLUDED."k''e
y", "pgpartition" = EXCLUDED."pgpartition", "select" = EXCLUDED."select", "s" = EXCLUDED."s", "t" = EXCLUDED."t", "new" = EXCLUDED."new", "old" = EXCLUDED."old", "found" = EXCLUDED."found", "at" = EXCLUDED."at", "reached" = EXCLUDED."reached", "pgpartition_a" = EXCLUDED."pgpartition_a", "\\" = EXCLUDED."\\", "''''" = EXCLUDED."''''", "$$" = EXCLUDED."$$";
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS E'
#variable_conflict use_column
BEGIN
  IF EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o") THEN
    DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t WHERE NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = t."k''e
y" AND s."pgpartition" = t."pgpartition" AND s."select" = t."select");
    RETURN NULL;
  END IF;
  BEGIN
    LOCK TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" IN ACCESS EXCLUSIVE MODE NOWAIT;
    TRUNCATE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned";
  EXCEPTION WHEN lock_not_available THEN
    IF current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') THEN
      RAISE serialization_failure USING MESSAGE = ''could not truncate "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned": another session holds a lock on it'';
    END IF;
    DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned";
  END;
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."größe_大きさ_of_exactly_63__866c0426_partitioned_read_only"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS E'
BEGIN
  IF current_setting(''pgpartition.sync'', true) IS NOT DISTINCT FROM ''on'' THEN RETURN NULL; END IF;
  RAISE object_not_in_prerequisite_state USING MESSAGE = E''cannot write to table "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned", which only the triggers of "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;\\\\n_END_with_o" write to: write to "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;\\\\n_END_with_o"'';
END
';
DO 'DECLARE command text; BEGIN FOR command IN SELECT format(''REVOKE ALL ON FUNCTION %s FROM %s'', p.oid::regprocedure, CASE a.grantee WHEN 0 THEN ''PUBLIC'' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault(''f'', p.proowner))) AS a WHERE p.oid IN (''"Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3"()''::regprocedure, ''"Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate"()''::regprocedure, ''"Fin""an;ce"."größe_大きさ_of_exactly_63__866c0426_partitioned_read_only"()''::regprocedure) AND a.grantee <> p.proowner LOOP EXECUTE command; END LOOP; END';
DROP TRIGGER IF EXISTS "sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o";
DROP TRIGGER IF EXISTS "sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o";
DROP TRIGGER IF EXISTS "sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o";
CREATE OR REPLACE TRIGGER "read_only_until_cutover" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'_866c0426_partitioned" FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "Fin""an;ce"."größe_大きさ_of_exactly_63__866c0426_partitioned_read_only"();
ALTER TABLE ONLY "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'_866c0426_partitioned" ENABLE ALWAYS TRIGGER "read_only_until_cutover";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3" AFTER INSERT OR DELETE OR UPDATE OF "k'e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\", "''", "$$" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" FOR EACH ROW EXECUTE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3"();
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" ENABLE ALWAYS TRIGGER "sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate" AFTER TRUNCATE ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" FOR EACH STATEMENT EXECUTE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate"();
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" ENABLE ALWAYS TRIGGER "sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate";

-- install_sync Statement
DO E'DECLARE other text; BEGIN SELECT format(''%s: trigger %I on %s uses it'', p.oid::regprocedure, g.tgname, g.tgrelid::regclass) INTO other FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''Fin"an;ce'' AND p.proname IN (''sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3'', ''sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate'', ''sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update'', ''sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete'', ''sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move'', ''größe_大きさ_of_exactly_63__866c0426_partitioned_read_only'') AND g.tgparentid = 0 AND g.tgrelid NOT IN (E''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"''::regclass, ''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned"''::regclass) LIMIT 1; IF FOUND THEN RAISE duplicate_function USING MESSAGE = concat(''cannot replace function '', other); END IF; END';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' SET "enable_hashjoin" = 'off' SET "enable_mergejoin" = 'off' AS E'
#variable_conflict use_column
BEGIN
  DECLARE
    inserted bigint;
  BEGIN
    INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" ("k''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\", "''''", "$$") OVERRIDING SYSTEM VALUE
    SELECT s."k''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\", s."''''", s."$$"
    FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s JOIN pgpartition_new AS n ON s."k''e
y" = n."k''e
y" AND s."pgpartition" = n."pgpartition" AND s."select" = n."select"
    ON CONFLICT ("k''e
y", "pgpartition", "select") DO NOTHING;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF inserted = (SELECT count(*) FROM pgpartition_new) THEN RETURN NULL; END IF;
  END;
  INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" ("k''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\", "''''", "$$") OVERRIDING SYSTEM VALUE
    SELECT s."k''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\", s."''''", s."$$"
    FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s JOIN (SELECT DISTINCT n."k''e
y", n."pgpartition", n."select" FROM pgpartition_new AS n) AS n ON s."k''e
y" = n."k''e
y" AND s."pgpartition" = n."pgpartition" AND s."select" = n."select"
    ON CONFLICT ("k''e
y", "pgpartition", "select") DO UPDATE SET "k''e
y" = EXCLUDED."k''e
y", "pgpartition" = EXCLUDED."pgpartition", "select" = EXCLUDED."select", "s" = EXCLUDED."s", "t" = EXCLUDED."t", "new" = EXCLUDED."new", "old" = EXCLUDED."old", "found" = EXCLUDED."found", "at" = EXCLUDED."at", "reached" = EXCLUDED."reached", "pgpartition_a" = EXCLUDED."pgpartition_a", "\\" = EXCLUDED."\\", "''''" = EXCLUDED."''''", "$$" = EXCLUDED."$$";
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS E'
#variable_conflict use_column
BEGIN
  IF EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o") THEN
    DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t WHERE NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = t."k''e
y" AND s."pgpartition" = t."pgpartition" AND s."select" = t."select");
    RETURN NULL;
  END IF;
  BEGIN
    LOCK TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" IN ACCESS EXCLUSIVE MODE NOWAIT;
    TRUNCATE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned";
  EXCEPTION WHEN lock_not_available THEN
    IF current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') THEN
      RAISE serialization_failure USING MESSAGE = ''could not truncate "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned": another session holds a lock on it'';
    END IF;
    DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned";
  END;
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' SET "enable_hashjoin" = 'off' SET "enable_mergejoin" = 'off' AS E'
#variable_conflict use_column
BEGIN
  IF (SELECT count(*) FROM pg_index AS x WHERE x.indrelid = ''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned"''::regclass AND x.indisunique) > 1 THEN
    DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t USING (SELECT DISTINCT n."k''e
y", n."pgpartition", n."select" FROM pgpartition_new AS n) AS n WHERE t."k''e
y" = n."k''e
y" AND t."pgpartition" = n."pgpartition" AND t."select" = n."select";
  END IF;
  INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" ("k''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\", "''''", "$$") OVERRIDING SYSTEM VALUE
    SELECT s."k''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\", s."''''", s."$$"
    FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s JOIN (SELECT DISTINCT n."k''e
y", n."pgpartition", n."select" FROM pgpartition_new AS n) AS n ON s."k''e
y" = n."k''e
y" AND s."pgpartition" = n."pgpartition" AND s."select" = n."select"
    ON CONFLICT ("k''e
y", "pgpartition", "select") DO UPDATE SET "k''e
y" = EXCLUDED."k''e
y", "pgpartition" = EXCLUDED."pgpartition", "select" = EXCLUDED."select", "s" = EXCLUDED."s", "t" = EXCLUDED."t", "new" = EXCLUDED."new", "old" = EXCLUDED."old", "found" = EXCLUDED."found", "at" = EXCLUDED."at", "reached" = EXCLUDED."reached", "pgpartition_a" = EXCLUDED."pgpartition_a", "\\" = EXCLUDED."\\", "''''" = EXCLUDED."''''", "$$" = EXCLUDED."$$";
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' SET "enable_hashjoin" = 'off' SET "enable_mergejoin" = 'off' AS E'
#variable_conflict use_column
BEGIN
  DECLARE
    deleted bigint;
  BEGIN
    DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t USING pgpartition_old AS o WHERE t."k''e
y" = o."k''e
y" AND t."pgpartition" = o."pgpartition" AND t."select" = o."select" AND NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = o."k''e
y" AND s."pgpartition" = o."pgpartition" AND s."select" = o."select");
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') AND deleted < (SELECT count(*) FROM pgpartition_old) THEN
      BEGIN
        INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" ("k''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\", "''''", "$$") OVERRIDING SYSTEM VALUE SELECT o."k''e
y", o."pgpartition", o."select", o."s", o."t", o."new", o."old", o."found", o."at", o."reached", o."pgpartition_a", o."a;b", o."\\", o."''''", o."$$" FROM pgpartition_old AS o WHERE NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = o."k''e
y" AND s."pgpartition" = o."pgpartition" AND s."select" = o."select") ON CONFLICT ("k''e
y", "pgpartition", "select") DO NOTHING;
        DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t USING pgpartition_old AS o WHERE t."k''e
y" = o."k''e
y" AND t."pgpartition" = o."pgpartition" AND t."select" = o."select" AND NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = o."k''e
y" AND s."pgpartition" = o."pgpartition" AND s."select" = o."select");
      EXCEPTION WHEN integrity_constraint_violation THEN NULL;
      END;
    END IF;
  END;
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS E'
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''""\\--/*;
_END_with_o" AS s WHERE s."k''e
y" = OLD."k''e
y" AND s."pgpartition" = OLD."pgpartition" AND s."select" = OLD."select") THEN
    DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t WHERE t."k''e
y" = OLD."k''e
y" AND t."pgpartition" = OLD."pgpartition" AND t."select" = OLD."select";
    IF NOT FOUND AND current_setting(''transaction_isolation'') IN (''repeatable read'', ''serializable'') THEN
      BEGIN
        INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" ("k''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\", "''''", "$$") OVERRIDING SYSTEM VALUE VALUES (OLD."k''e
y", OLD."pgpartition", OLD."select", OLD."s", OLD."t", OLD."new", OLD."old", OLD."found", OLD."at", OLD."reached", OLD."pgpartition_a", OLD."a;b", OLD."\\", OLD."''''", OLD."$$") ON CONFLICT ("k''e
y", "pgpartition", "select") DO NOTHING;
        DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned" AS t WHERE t."k''e
y" = OLD."k''e
y" AND t."pgpartition" = OLD."pgpartition" AND t."select" = OLD."select";
      EXCEPTION WHEN integrity_constraint_violation THEN NULL;
      END;
    END IF;
  END IF;
  RETURN NULL;
END
';
CREATE OR REPLACE FUNCTION "Fin""an;ce"."größe_大きさ_of_exactly_63__866c0426_partitioned_read_only"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = 'pg_catalog', 'pg_temp' AS E'
BEGIN
  IF current_setting(''pgpartition.sync'', true) IS NOT DISTINCT FROM ''on'' THEN RETURN NULL; END IF;
  RAISE object_not_in_prerequisite_state USING MESSAGE = E''cannot write to table "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned", which only the triggers of "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;\\\\n_END_with_o" write to: write to "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;\\\\n_END_with_o"'';
END
';
DO 'DECLARE command text; BEGIN FOR command IN SELECT format(''REVOKE ALL ON FUNCTION %s FROM %s'', p.oid::regprocedure, CASE a.grantee WHEN 0 THEN ''PUBLIC'' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault(''f'', p.proowner))) AS a WHERE p.oid IN (''"Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3"()''::regprocedure, ''"Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate"()''::regprocedure, ''"Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update"()''::regprocedure, ''"Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete"()''::regprocedure, ''"Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move"()''::regprocedure, ''"Fin""an;ce"."größe_大きさ_of_exactly_63__866c0426_partitioned_read_only"()''::regprocedure) AND a.grantee <> p.proowner LOOP EXECUTE command; END LOOP; END';
CREATE OR REPLACE TRIGGER "read_only_until_cutover" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'_866c0426_partitioned" FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION "Fin""an;ce"."größe_大きさ_of_exactly_63__866c0426_partitioned_read_only"();
ALTER TABLE ONLY "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'_866c0426_partitioned" ENABLE ALWAYS TRIGGER "read_only_until_cutover";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3" AFTER INSERT ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" REFERENCING NEW TABLE AS pgpartition_new FOR EACH STATEMENT EXECUTE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3"();
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" ENABLE ALWAYS TRIGGER "sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate" AFTER TRUNCATE ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" FOR EACH STATEMENT EXECUTE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate"();
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" ENABLE ALWAYS TRIGGER "sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update" AFTER UPDATE ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" REFERENCING NEW TABLE AS pgpartition_new FOR EACH STATEMENT EXECUTE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update"();
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" ENABLE ALWAYS TRIGGER "sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete" AFTER DELETE ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" REFERENCING OLD TABLE AS pgpartition_old FOR EACH STATEMENT EXECUTE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete"();
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" ENABLE ALWAYS TRIGGER "sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete";
CREATE OR REPLACE TRIGGER "sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move" AFTER UPDATE OF "k'e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\", "''", "$$" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" FOR EACH ROW WHEN ((OLD."k'e
y", OLD."pgpartition", OLD."select") IS DISTINCT FROM (NEW."k'e
y", NEW."pgpartition", NEW."select")) EXECUTE FUNCTION "Fin""an;ce"."sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move"();
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o" ENABLE ALWAYS TRIGGER "sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move";

-- record_sync Row
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
INSERT INTO pgpartition.conversions AS c (schema_name, table_name, sync) SELECT 'Fin"an;ce', E'größe_大きさ_of_exactly_63_bytes_$$_''"\\--/*;
_END_with_o', jsonb_build_object('level', '"Row"'::jsonb, 'columns', E'["k''e\\ny","pgpartition","select","s","t","new","old","found","at","reached","pgpartition_a","a;b","\\\\","''''","$$"]'::jsonb, 'triggers', (SELECT jsonb_object_agg(w.name, jsonb_build_object('oid', g.oid::bigint, 'xmin', g.xmin::text::bigint, 'digest', w.digest)) FROM jsonb_to_recordset(E'[{"digest":"073ef7b4b2214c28","name":"read_only_until_cutover","relation":"größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned"},{"digest":"72d2540124e0c42b","name":"sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate","relation":"größe_大きさ_of_exactly_63_bytes_$$_''\\"\\\\--/*;\\n_END_with_o"},{"digest":"d3a51dc7b732656c","name":"sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3","relation":"größe_大きさ_of_exactly_63_bytes_$$_''\\"\\\\--/*;\\n_END_with_o"}]'::jsonb) AS w (relation text, name text, digest text) JOIN pg_namespace AS n ON n.nspname = 'Fin"an;ce' JOIN pg_class AS r ON r.relnamespace = n.oid AND r.relname = w.relation JOIN pg_trigger AS g ON g.tgrelid = r.oid AND g.tgname = w.name), 'functions', (SELECT jsonb_object_agg(w.name, jsonb_build_object('oid', p.oid::bigint, 'xmin', p.xmin::text::bigint, 'digest', w.digest)) FROM jsonb_to_recordset('[{"digest":"af6aa8137fc24a5f","name":"größe_大きさ_of_exactly_63__866c0426_partitioned_read_only"},{"digest":"e675ceed69f5e57c","name":"sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate"},{"digest":"a35de7cfd157a6db","name":"sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3"}]'::jsonb) AS w (name text, digest text) JOIN pg_namespace AS n ON n.nspname = 'Fin"an;ce' JOIN pg_proc AS p ON p.pronamespace = n.oid AND p.proname = w.name AND p.pronargs = 0)) ON CONFLICT (schema_name, table_name) DO UPDATE SET sync = excluded.sync, sweep = CASE WHEN current_setting('pgpartition.intact') = 'true' THEN c.sweep END, parity = CASE WHEN current_setting('pgpartition.intact') = 'true' THEN c.parity END;

-- note_sync
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
    END IF; END $records$;
DO E'BEGIN PERFORM set_config(''pgpartition.intact'', EXISTS (SELECT FROM pgpartition.conversions AS c WHERE c.schema_name = ''Fin"an;ce'' AND c.table_name = E''größe_大きさ_of_exactly_63_bytes_$$_''''"\\\\--/*;
_END_with_o'' AND c.sync IS NOT NULL AND NOT EXISTS (SELECT FROM jsonb_each(c.sync->''triggers'') AS w (name, was) WHERE NOT EXISTS (SELECT FROM pg_trigger AS o WHERE o.oid::text = w.was->>''oid'' AND o.xmin::text = w.was->>''xmin'' AND o.tgenabled = ''A'')) AND NOT EXISTS (SELECT FROM jsonb_each(c.sync->''functions'') AS w (name, was) WHERE NOT EXISTS (SELECT FROM pg_proc AS o WHERE o.oid::text = w.was->>''oid'' AND o.xmin::text = w.was->>''xmin'')))::text, true); END';

-- remove_sync
DROP TRIGGER IF EXISTS "sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o";
DROP TRIGGER IF EXISTS "sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o";
DROP TRIGGER IF EXISTS "sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o";
DROP TRIGGER IF EXISTS "sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o";
DROP TRIGGER IF EXISTS "sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'""\--/*;
_END_with_o";
DROP TRIGGER IF EXISTS "read_only_until_cutover" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_'_866c0426_partitioned";
DO E'DECLARE command text; BEGIN FOR command IN SELECT format(''DROP FUNCTION %s'', p.oid::regprocedure) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''Fin"an;ce'' AND p.proname IN (''sync_to_partitioned_größe_大きさ_of_exactly_63_by_ad7db2e3'', ''sync_to_partitioned_größe_大きさ_of_exac_ad7db2e3_truncate'', ''sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_update'', ''sync_to_partitioned_größe_大きさ_of_exactl_ad7db2e3_delete'', ''sync_to_partitioned_größe_大きさ_of_exactly__ad7db2e3_move'', ''größe_大きさ_of_exactly_63__866c0426_partitioned_read_only'') AND p.pronargs = 0 AND p.prokind = ''f'' AND NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgfoid = p.oid AND g.tgrelid NOT IN (E''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"''::regclass, ''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned"''::regclass)) LOOP EXECUTE command; END LOOP; END';

-- delete_record
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
DELETE FROM pgpartition.conversions AS c WHERE c.schema_name = 'Fin"an;ce' AND c.table_name = E'größe_大きさ_of_exactly_63_bytes_$$_''"\\--/*;
_END_with_o';

-- copy_page
SET LOCAL lock_timeout = '50ms';
SET LOCAL statement_timeout = '1425ms';
SET LOCAL synchronous_commit = off;
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
    END IF; END $records$;
DO E'BEGIN IF current_setting(''track_counts'') <> ''on'' THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''track_counts is off: set it to on for the server, the database, and the login role''; END IF; PERFORM FROM pgpartition.conversions AS c WHERE c.schema_name = ''Fin"an;ce'' AND c.table_name = E''größe_大きさ_of_exactly_63_bytes_$$_''''"\\\\--/*;
_END_with_o'' AND c.backfilled_at IS NULL FOR UPDATE NOWAIT; IF NOT FOUND THEN RAISE no_data_found USING MESSAGE = ''the conversion has no such work left: plan again''; END IF; PERFORM set_config(''pgpartition.reached'', coalesce(c.reached::text, ''''), true), set_config(''pgpartition.until'', coalesce(c.until::text, ''''), true) FROM pgpartition.conversions AS c WHERE c.schema_name = ''Fin"an;ce'' AND c.table_name = E''größe_大きさ_of_exactly_63_bytes_$$_''''"\\\\--/*;
_END_with_o''; END';
SET LOCAL ROLE "own;\er";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_8be0f1b5'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_8be0f1b5(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_8be0f1b5(E'DO E''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  reached text[] := nullif(current_setting(''''pgpartition.reached''''), '''''''')::text[];
  until text[] := nullif(current_setting(''''pgpartition.until''''), '''''''')::text[];
  after_1 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."k''''e
y"%TYPE := pgpartition.reached[1];
  after_2 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."pgpartition"%TYPE := pgpartition.reached[2];
  last_1 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."k''''e
y"%TYPE := pgpartition.until[1];
  last_2 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."pgpartition"%TYPE := pgpartition.until[2];
  upto_1 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."k''''e
y"%TYPE;
  upto_2 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."pgpartition"%TYPE;
  is_first boolean := pgpartition.reached IS NULL;
  copied bigint := 0;
  done boolean := true;
  blocks boolean := false;
BEGIN
  <<work>>
  BEGIN
  IF pgpartition.until IS NULL THEN
    SELECT s."k''''e
y", s."pgpartition" INTO pgpartition.last_1, pgpartition.last_2 FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s ORDER BY s."k''''e
y" DESC, s."pgpartition" DESC LIMIT 1;
    EXIT work WHEN NOT FOUND;
    until := ARRAY[pgpartition.last_1::text, pgpartition.last_2::text];
  END IF;
  SELECT s."k''''e
y", s."pgpartition" INTO pgpartition.upto_1, pgpartition.upto_2 FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (s."k''''e
y", s."pgpartition") <= (pgpartition.last_1, pgpartition.last_2) ORDER BY s."k''''e
y", s."pgpartition" OFFSET 999 LIMIT 1;
  done := NOT FOUND;
  IF done THEN
    upto_1 := last_1;
    upto_2 := last_2;
  END IF;
  PERFORM set_config(''''pgpartition.sync'''', ''''on'''', true);
  PERFORM FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" AS t WHERE (pgpartition.is_first OR (t."k''''e
y", t."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (t."k''''e
y", t."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2) ORDER BY t."k''''e
y", t."pgpartition" LIMIT 1;
  BEGIN
    IF FOUND THEN
    INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" ("k''''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\\\", "''''''''", "$$") OVERRIDING SYSTEM VALUE
      SELECT page."k''''e
y", page."pgpartition", page."select", page."s", page."t", page."new", page."old", page."found", page."at", page."reached", page."pgpartition_a", page."a;b", page."\\\\", page."''''''''", page."$$" FROM (SELECT s."k''''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\\\", s."''''''''", s."$$" FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (s."k''''e
y", s."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2) ORDER BY s."k''''e
y", s."pgpartition" FOR SHARE) AS page
      WHERE NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" AS t WHERE (pgpartition.is_first OR (t."k''''e
y", t."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (t."k''''e
y", t."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2) AND t."k''''e
y" = page."k''''e
y" AND t."pgpartition" = page."pgpartition" AND t."select" = page."select");
    ELSE
    INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" ("k''''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\\\", "''''''''", "$$") OVERRIDING SYSTEM VALUE
      SELECT page."k''''e
y", page."pgpartition", page."select", page."s", page."t", page."new", page."old", page."found", page."at", page."reached", page."pgpartition_a", page."a;b", page."\\\\", page."''''''''", page."$$" FROM (SELECT s."k''''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\\\", s."''''''''", s."$$" FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (s."k''''e
y", s."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2) ORDER BY s."k''''e
y", s."pgpartition" FOR SHARE) AS page;
    END IF;
    GET DIAGNOSTICS copied = ROW_COUNT;
    blocks := EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));
  EXCEPTION WHEN unique_violation OR exclusion_violation THEN
    INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" ("k''''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\\\", "''''''''", "$$") OVERRIDING SYSTEM VALUE
      SELECT page."k''''e
y", page."pgpartition", page."select", page."s", page."t", page."new", page."old", page."found", page."at", page."reached", page."pgpartition_a", page."a;b", page."\\\\", page."''''''''", page."$$" FROM (SELECT s."k''''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\\\", s."''''''''", s."$$" FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (s."k''''e
y", s."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2) ORDER BY s."k''''e
y", s."pgpartition" FOR SHARE) AS page
      ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS copied = ROW_COUNT;
    blocks := EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));
  END;
  reached := ARRAY[pgpartition.upto_1::text, pgpartition.upto_2::text];
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
  PERFORM set_config(''''pgpartition.answer'''', jsonb_build_object(''''reached'''', pgpartition.reached, ''''until'''', pgpartition.until, ''''copied'''', pgpartition.copied, ''''done'''', pgpartition.done, ''''blocks'''', pgpartition.blocks)::text, true);
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
UPDATE pgpartition.conversions AS c SET reached = a.reached, until = a.until, copied = c.copied + a.copied, changed = pg_current_xact_id(), backfilled_at = CASE WHEN a.done THEN clock_timestamp() END FROM jsonb_to_record(current_setting('pgpartition.answer')::jsonb) AS a (reached text[], until text[], copied bigint, done boolean, blocks boolean) WHERE c.schema_name = 'Fin"an;ce' AND c.table_name = E'größe_大きさ_of_exactly_63_bytes_$$_''"\\--/*;
_END_with_o' RETURNING json_build_object('copied', a.copied, 'total', c.copied, 'done', a.done, 'blocks', a.blocks)::text;

-- compare_page
SET LOCAL lock_timeout = '50ms';
SET LOCAL statement_timeout = '1425ms';
SET LOCAL synchronous_commit = off;
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
    END IF; END $records$;
UPDATE pgpartition.conversions AS c SET partitions = l.found, sweep = NULL, parity = NULL FROM (SELECT coalesce(jsonb_object_agg(i.inhrelid::text, jsonb_build_array(child.relfilenode::bigint, i.xmin::text::bigint)), '{}') FROM pg_inherits AS i JOIN pg_class AS child ON child.oid = i.inhrelid JOIN pg_class AS parent ON parent.oid = i.inhparent JOIN pg_namespace AS n ON n.oid = parent.relnamespace WHERE n.nspname = 'Fin"an;ce' AND parent.relname = 'größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned') AS l (found) WHERE c.schema_name = 'Fin"an;ce' AND c.table_name = E'größe_大きさ_of_exactly_63_bytes_$$_''"\\--/*;
_END_with_o' AND c.partitions IS DISTINCT FROM l.found;
UPDATE pgpartition.conversions AS c SET sweep = CASE WHEN (c.sweep->>'startedAt')::timestamptz = '1970-01-01T00:00:00Z'::timestamptz THEN NULL ELSE c.sweep END, parity = CASE WHEN (c.parity->>'startedAt')::timestamptz = '1970-01-01T00:00:00Z'::timestamptz THEN jsonb_set(c.parity, '{dirtyInARow}', '0') ELSE c.parity END WHERE c.schema_name = 'Fin"an;ce' AND c.table_name = E'größe_大きさ_of_exactly_63_bytes_$$_''"\\--/*;
_END_with_o' AND ((c.sweep->>'startedAt')::timestamptz = '1970-01-01T00:00:00Z'::timestamptz OR (c.parity->>'startedAt')::timestamptz = '1970-01-01T00:00:00Z'::timestamptz AND c.parity->>'dirtyInARow' <> '0');
DO E'BEGIN IF current_setting(''track_counts'') <> ''on'' THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''track_counts is off: set it to on for the server, the database, and the login role''; END IF; PERFORM FROM pgpartition.conversions AS c WHERE c.schema_name = ''Fin"an;ce'' AND c.table_name = E''größe_大きさ_of_exactly_63_bytes_$$_''''"\\\\--/*;
_END_with_o'' AND c.backfilled_at IS NOT NULL FOR UPDATE NOWAIT; IF NOT FOUND THEN RAISE no_data_found USING MESSAGE = ''the conversion has no such work left: plan again''; END IF; PERFORM set_config(''pgpartition.reached'', coalesce((SELECT array_agg(k.part ORDER BY k.at) FROM jsonb_array_elements_text(c.sweep->''reached'') WITH ORDINALITY AS k (part, at))::text, ''''), true) FROM pgpartition.conversions AS c WHERE c.schema_name = ''Fin"an;ce'' AND c.table_name = E''größe_大きさ_of_exactly_63_bytes_$$_''''"\\\\--/*;
_END_with_o''; END';
SET LOCAL ROLE "own;\er";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_8be0f1b5'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_8be0f1b5(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_8be0f1b5(E'DO E''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  reached text[] := nullif(current_setting(''''pgpartition.reached''''), '''''''')::text[];
  after_1 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."k''''e
y"%TYPE := pgpartition.reached[1];
  after_2 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."pgpartition"%TYPE := pgpartition.reached[2];
  upto_1 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."k''''e
y"%TYPE;
  upto_2 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."pgpartition"%TYPE;
  found_1 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."k''''e
y"%TYPE;
  found_2 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."pgpartition"%TYPE;
  found_3 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."select"%TYPE;
  is_first boolean := pgpartition.reached IS NULL;
  is_last boolean;
  keys text[];
  key text[];
  source_rows bigint;
  copy_rows bigint;
  differing bigint := 0;
  repaired bigint := 0;
  done boolean;
  blocks boolean := false;
BEGIN
  <<work>>
  BEGIN
  SELECT s."k''''e
y", s."pgpartition" INTO pgpartition.upto_1, pgpartition.upto_2 FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) ORDER BY s."k''''e
y", s."pgpartition" OFFSET 999 LIMIT 1;
  is_last := NOT FOUND;
  done := is_last;
  reached := CASE WHEN NOT done THEN ARRAY[pgpartition.upto_1::text, pgpartition.upto_2::text] END;
  LOOP
  SELECT count(a."k''''e
y"), count(b."k''''e
y"), array_agg(ARRAY[coalesce(a."k''''e
y", b."k''''e
y")::text, coalesce(a."pgpartition", b."pgpartition")::text, coalesce(a."select", b."select")::text]) FILTER (WHERE a."k''''e
y" IS NULL OR b."k''''e
y" IS NULL OR ROW(a."k''''e
y", a."pgpartition", a."select", a."s", a."t", a."new", a."old", a."found", a."at", a."reached", a."pgpartition_a", a."a;b", a."\\\\", a."''''''''", a."$$")::record *<> ROW(b."k''''e
y", b."pgpartition", b."select", b."s", b."t", b."new", b."old", b."found", b."at", b."reached", b."pgpartition_a", b."a;b", b."\\\\", b."''''''''", b."$$")::record)
    INTO source_rows, copy_rows, pgpartition.keys
    FROM (SELECT s."k''''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\\\", s."''''''''", s."$$" FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (pgpartition.is_last OR (s."k''''e
y", s."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2))) AS a
    FULL JOIN (SELECT s."k''''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\\\", s."''''''''", s."$$" FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (pgpartition.is_last OR (s."k''''e
y", s."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2)) LIMIT 2000 + 1) AS b
    ON a."k''''e
y" = b."k''''e
y" AND a."pgpartition" = b."pgpartition" AND a."select" = b."select";
  differing := coalesce(array_length(keys, 1), 0);
  keys := keys[1:100];
  EXIT WHEN copy_rows <= 2000;
  SELECT s."k''''e
y", s."pgpartition" INTO pgpartition.upto_1, pgpartition.upto_2 FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) ORDER BY s."k''''e
y", s."pgpartition" OFFSET 999 LIMIT 1;
  is_last := NOT FOUND;
  done := is_last;
  reached := CASE WHEN NOT done THEN ARRAY[pgpartition.upto_1::text, pgpartition.upto_2::text] END;
  END LOOP;
  EXIT work WHEN keys IS NULL OR 100 < 1;
  PERFORM set_config(''''pgpartition.sync'''', ''''on'''', true);
  FOREACH key SLICE 1 IN ARRAY keys LOOP
    found_1 := key[1];
    found_2 := key[2];
    found_3 := key[3];
    PERFORM FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE s."k''''e
y" = pgpartition.found_1 AND s."pgpartition" = pgpartition.found_2 AND s."select" = pgpartition.found_3 FOR SHARE;
    PERFORM FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" AS t WHERE t."k''''e
y" = pgpartition.found_1 AND t."pgpartition" = pgpartition.found_2 AND t."select" = pgpartition.found_3 FOR UPDATE;
    DELETE FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" AS t WHERE t."k''''e
y" = pgpartition.found_1 AND t."pgpartition" = pgpartition.found_2 AND t."select" = pgpartition.found_3
      AND NOT EXISTS (SELECT FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE s."k''''e
y" = t."k''''e
y" AND s."pgpartition" = t."pgpartition" AND s."select" = t."select" AND s."a;b" = t."a;b");
    INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" ("k''''e
y", "pgpartition", "select", "s", "t", "new", "old", "found", "at", "reached", "pgpartition_a", "a;b", "\\\\", "''''''''", "$$") OVERRIDING SYSTEM VALUE
      SELECT s."k''''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\\\", s."''''''''", s."$$" FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE s."k''''e
y" = pgpartition.found_1 AND s."pgpartition" = pgpartition.found_2 AND s."select" = pgpartition.found_3
      ON CONFLICT ("k''''e
y", "pgpartition", "select") DO UPDATE SET "k''''e
y" = EXCLUDED."k''''e
y", "pgpartition" = EXCLUDED."pgpartition", "select" = EXCLUDED."select", "s" = EXCLUDED."s", "t" = EXCLUDED."t", "new" = EXCLUDED."new", "old" = EXCLUDED."old", "found" = EXCLUDED."found", "at" = EXCLUDED."at", "reached" = EXCLUDED."reached", "pgpartition_a" = EXCLUDED."pgpartition_a", "\\\\" = EXCLUDED."\\\\", "''''''''" = EXCLUDED."''''''''", "$$" = EXCLUDED."$$";
    repaired := repaired + 1;
  END LOOP;
  blocks := EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));
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
  PERFORM set_config(''''pgpartition.answer'''', jsonb_build_object(''''reached'''', pgpartition.reached, ''''source_rows'''', pgpartition.source_rows, ''''copy_rows'''', pgpartition.copy_rows, ''''differing'''', pgpartition.differing, ''''repaired'''', pgpartition.repaired, ''''done'''', pgpartition.done, ''''blocks'''', pgpartition.blocks)::text, true);
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
UPDATE pgpartition.conversions AS c SET changed = CASE WHEN a.repaired > 0 THEN pg_current_xact_id() ELSE c.changed END, repaired = c.repaired + a.repaired, parity = CASE WHEN a.done THEN jsonb_build_object('startedAt', coalesce(c.sweep->'startedAt', to_jsonb(now())), 'content', coalesce((c.sweep->>'content')::boolean, true) AND true, 'rowsSource', coalesce((c.sweep->>'rowsSource')::bigint, 0) + a.source_rows, 'rowsPartitioned', coalesce((c.sweep->>'rowsPartitioned')::bigint, 0) + a.copy_rows, 'differenceRows', coalesce((c.sweep->>'differenceRows')::bigint, 0) + a.differing, 'mismatchedRanges', coalesce((c.sweep->>'mismatchedRanges')::bigint, 0) + (a.differing > 0)::int, 'repairedRows', coalesce((c.sweep->>'repairedRows')::bigint, 0) + a.repaired) || jsonb_build_object('checkedAt', clock_timestamp(), 'dirtyInARow', CASE WHEN coalesce((c.sweep->>'differenceRows')::bigint, 0) + a.differing > 0 THEN coalesce((c.parity->>'dirtyInARow')::bigint, 0) + 1 ELSE 0 END) ELSE c.parity END, sweep = CASE WHEN NOT a.done THEN jsonb_build_object('startedAt', coalesce(c.sweep->'startedAt', to_jsonb(now())), 'content', coalesce((c.sweep->>'content')::boolean, true) AND true, 'rowsSource', coalesce((c.sweep->>'rowsSource')::bigint, 0) + a.source_rows, 'rowsPartitioned', coalesce((c.sweep->>'rowsPartitioned')::bigint, 0) + a.copy_rows, 'differenceRows', coalesce((c.sweep->>'differenceRows')::bigint, 0) + a.differing, 'mismatchedRanges', coalesce((c.sweep->>'mismatchedRanges')::bigint, 0) + (a.differing > 0)::int, 'repairedRows', coalesce((c.sweep->>'repairedRows')::bigint, 0) + a.repaired) || jsonb_build_object('reached', to_jsonb(a.reached)) END FROM jsonb_to_record(current_setting('pgpartition.answer')::jsonb) AS a (reached text[], source_rows bigint, copy_rows bigint, differing bigint, repaired bigint, done boolean, blocks boolean) WHERE c.schema_name = 'Fin"an;ce' AND c.table_name = E'größe_大きさ_of_exactly_63_bytes_$$_''"\\--/*;
_END_with_o' RETURNING json_build_object('sourceRows', a.source_rows, 'copyRows', a.copy_rows, 'differing', a.differing, 'repaired', a.repaired, 'done', a.done, 'blocks', a.blocks)::text;

-- begin_verify
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '50ms';
SET LOCAL statement_timeout = '1425ms';
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_8be0f1b5'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_8be0f1b5(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CREATE TEMPORARY TABLE pg_temp.pgpartition_verified (reached text[]);
INSERT INTO pg_temp.pgpartition_verified VALUES (NULL);

-- verify_page
SET LOCAL lock_timeout = '50ms';
SET LOCAL statement_timeout = '1425ms';
DO 'BEGIN IF current_setting(''track_counts'') <> ''on'' THEN RAISE object_not_in_prerequisite_state USING MESSAGE = ''track_counts is off: set it to on for the server, the database, and the login role''; END IF; END';
SET LOCAL ROLE "own;\er";
DO 'BEGIN IF NOT has_database_privilege(current_database(), ''TEMPORARY'') THEN RAISE insufficient_privilege USING MESSAGE = ''the owner of the table cannot create temporary objects in the database: grant TEMPORARY on the database to it''; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = pg_my_temp_schema() AND p.proname = ''pgpartition_work_8be0f1b5'' AND p.prokind = ''p'' AND oidvectortypes(p.proargtypes) = ''text'' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND l.lanname = ''plpgsql'' AND p.prosrc = ''BEGIN EXECUTE $1; END'' AND p.proconfig = ARRAY[''search_path=pg_catalog, pg_temp'', ''row_security=off'', ''plan_cache_mode=force_custom_plan'', ''extra_float_digits=3'', ''bytea_output=hex'', ''lc_monetary=C'', ''TimeZone=UTC'', ''DateStyle=ISO, YMD'', ''IntervalStyle=postgres'']) THEN CREATE OR REPLACE PROCEDURE pg_temp.pgpartition_work_8be0f1b5(text) LANGUAGE plpgsql SECURITY DEFINER SET "search_path" = ''pg_catalog'', ''pg_temp'' SET "row_security" = ''off'' SET "plan_cache_mode" = ''force_custom_plan'' SET "extra_float_digits" = ''3'' SET "bytea_output" = ''hex'' SET "lc_monetary" = ''C'' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'', ''YMD'' SET "IntervalStyle" = ''postgres'' AS ''BEGIN EXECUTE $1; END''; END IF; END';
CALL pg_temp.pgpartition_work_8be0f1b5(E'DO E''
#variable_conflict use_column
<<pgpartition>>
DECLARE
  reached text[] := (SELECT v.reached FROM pg_temp.pgpartition_verified AS v);
  after_1 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."k''''e
y"%TYPE := pgpartition.reached[1];
  after_2 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."pgpartition"%TYPE := pgpartition.reached[2];
  upto_1 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."k''''e
y"%TYPE;
  upto_2 "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o"."pgpartition"%TYPE;
  is_first boolean := pgpartition.reached IS NULL;
  is_last boolean;
  keys text[];
  source_rows bigint;
  copy_rows bigint;
  differing bigint := 0;
  done boolean;
BEGIN
  <<work>>
  BEGIN
  SELECT s."k''''e
y", s."pgpartition" INTO pgpartition.upto_1, pgpartition.upto_2 FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) ORDER BY s."k''''e
y", s."pgpartition" OFFSET 999 LIMIT 1;
  is_last := NOT FOUND;
  done := is_last;
  reached := CASE WHEN NOT done THEN ARRAY[pgpartition.upto_1::text, pgpartition.upto_2::text] END;
  LOOP
  SELECT count(a."k''''e
y"), count(b."k''''e
y"), array_agg(ARRAY[CASE WHEN a."k''''e
y" IS NULL THEN ''''extra'''' WHEN b."k''''e
y" IS NULL THEN ''''missing'''' ELSE ''''different'''' END, coalesce(a."k''''e
y", b."k''''e
y")::text, coalesce(a."pgpartition", b."pgpartition")::text, coalesce(a."select", b."select")::text]) FILTER (WHERE a."k''''e
y" IS NULL OR b."k''''e
y" IS NULL OR ROW(a."k''''e
y", a."pgpartition", a."select", a."s", a."t", a."new", a."old", a."found", a."at", a."reached", a."pgpartition_a", a."a;b", a."\\\\", a."''''''''", a."$$")::record *<> ROW(b."k''''e
y", b."pgpartition", b."select", b."s", b."t", b."new", b."old", b."found", b."at", b."reached", b."pgpartition_a", b."a;b", b."\\\\", b."''''''''", b."$$")::record)
    INTO source_rows, copy_rows, pgpartition.keys
    FROM (SELECT s."k''''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\\\", s."''''''''", s."$$" FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''""\\\\--/*;
_END_with_o" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (pgpartition.is_last OR (s."k''''e
y", s."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2))) AS a
    FULL JOIN (SELECT s."k''''e
y", s."pgpartition", s."select", s."s", s."t", s."new", s."old", s."found", s."at", s."reached", s."pgpartition_a", s."a;b", s."\\\\", s."''''''''", s."$$" FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) AND (pgpartition.is_last OR (s."k''''e
y", s."pgpartition") <= (pgpartition.upto_1, pgpartition.upto_2)) LIMIT 2000 + 1) AS b
    ON a."k''''e
y" = b."k''''e
y" AND a."pgpartition" = b."pgpartition" AND a."select" = b."select";
  differing := coalesce(array_length(keys, 1), 0);
  keys := keys[1:100];
  EXIT WHEN copy_rows <= 2000;
  SELECT s."k''''e
y", s."pgpartition" INTO pgpartition.upto_1, pgpartition.upto_2 FROM "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_$$_''''_866c0426_partitioned" AS s WHERE (pgpartition.is_first OR (s."k''''e
y", s."pgpartition") > (pgpartition.after_1, pgpartition.after_2)) ORDER BY s."k''''e
y", s."pgpartition" OFFSET 999 LIMIT 1;
  is_last := NOT FOUND;
  done := is_last;
  reached := CASE WHEN NOT done THEN ARRAY[pgpartition.upto_1::text, pgpartition.upto_2::text] END;
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
  UPDATE pg_temp.pgpartition_verified AS v SET reached = pgpartition.reached;
  PERFORM set_config(''''pgpartition.answer'''', jsonb_build_object(''''source_rows'''', pgpartition.source_rows, ''''copy_rows'''', pgpartition.copy_rows, ''''differing'''', pgpartition.differing, ''''keys'''', pgpartition.keys, ''''done'''', pgpartition.done)::text, true);
END
'''::pg_catalog.text);
SET CONSTRAINTS ALL IMMEDIATE;
CLOSE ALL;
RESET ROLE;
SET LOCAL search_path = pg_catalog, pg_temp;
SELECT current_setting('pgpartition.answer');

-- record_partition
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
    END IF; END $records$;
UPDATE pgpartition.conversions AS c SET partitions = l.found || c.partitions FROM (SELECT coalesce(jsonb_object_agg(i.inhrelid::text, jsonb_build_array(child.relfilenode::bigint, i.xmin::text::bigint)), '{}') FROM pg_inherits AS i JOIN pg_class AS child ON child.oid = i.inhrelid JOIN pg_class AS parent ON parent.oid = i.inhparent JOIN pg_namespace AS n ON n.oid = child.relnamespace WHERE n.nspname = 'Fin"an;ce' AND child.relname = 'größe_大きさ_of_exactly_63_bytes_$$_''_866c0426_partitioned') AS l (found) WHERE c.schema_name = 'Fin"an;ce' AND c.table_name = E'größe_大きさ_of_exactly_63_bytes_$$_''"\\--/*;
_END_with_o';

