  -- Deadline of all waits for locks together, which is that of a single wait.
  deadline timestamptz := clock_timestamp() + nullif(current_setting('lock_timeout'), '0')::interval;
  recorded jsonb := nullif(current_setting('pgpartition.recorded', true), '')::jsonb;
  -- Commands to run after the exchange. Names in definitions then refer to the other table.
  later text[] := '{}';
  views text[] := '{}';
  command text;
  object record;
  words text;
  marks text[];
  deferred jsonb;
BEGIN
@begin@lock_views@limit  LOCK TABLE ONLY @serving IN ACCESS EXCLUSIVE MODE;
@limit  LOCK TABLE ONLY @passive IN ACCESS EXCLUSIVE MODE;
  IF to_regclass(@serving_text)::oid IS DISTINCT FROM pgpartition.serving
    OR to_regclass(@passive_text)::oid IS DISTINCT FROM pgpartition.passive THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = 'a table was replaced by another one with the same name since the inspection: plan again';
  END IF;
  IF split_part(obj_description(pgpartition.passive, 'pg_class'), E'\n', 1) IS DISTINCT FROM @mark THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = format('table %s is not marked as one of this conversion', @passive_text);
  END IF;
  IF EXISTS (
    SELECT FROM jsonb_each(pgpartition.recorded->'sync'->'triggers') AS r (name, was)
    WHERE NOT EXISTS (
      SELECT FROM pg_trigger AS g
      WHERE g.tgrelid IN (pgpartition.serving, pgpartition.passive) AND g.tgname = r.name AND g.tgenabled = 'A'
        AND g.oid::text = r.was->>'oid' AND g.xmin::text = r.was->>'xmin'
    )
    UNION ALL
    SELECT FROM pg_inherits AS i
    JOIN pg_trigger AS g ON g.tgrelid = i.inhrelid
    WHERE i.inhparent = pgpartition.serving AND g.tgenabled <> 'A' AND pgpartition.recorded->'sync'->'triggers' ? g.tgname::text
    UNION ALL
    SELECT FROM jsonb_each(pgpartition.recorded->'sync'->'functions') AS r (name, was)
    WHERE NOT EXISTS (
      SELECT FROM pg_proc AS p WHERE p.oid::text = r.was->>'oid' AND p.xmin::text = r.was->>'xmin'
    )
  ) OR (pgpartition.recorded->'sync'->'triggers' ?& @installed) IS NOT TRUE THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = 'the sync triggers or functions differ from the installed ones: plan again';
  END IF;
  IF EXISTS (
    WITH columns AS (
      SELECT a.attrelid = pgpartition.serving AS serves, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attgenerated
      FROM pg_attribute AS a
      WHERE a.attrelid IN (pgpartition.serving, pgpartition.passive) AND a.attnum > 0 AND NOT a.attisdropped
    )
    SELECT FROM columns AS k
    GROUP BY k.attname, k.atttypid, k.atttypmod, k.attcollation, k.attgenerated
    HAVING count(*) <> 2 OR bool_or(k.attgenerated = '' AND NOT pgpartition.recorded->'sync'->'columns' ? k.attname::text)
  ) THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'the columns of the two tables differ: plan again';
  END IF;
  -- A snapshot from before the last write of the operator does not see all rows of the table that gets the name. So such
  -- transactions must end first, and those of replicas as far as they are known.
  SELECT coalesce('process ' || held.pid, 'a replica') INTO pgpartition.words
    FROM (
      SELECT a.pid, a.backend_xmin AS xmin
      FROM pg_stat_activity AS a
      WHERE (a.datname = current_database() OR a.datname IS NULL) AND a.usename IS NOT NULL AND a.pid <> pg_backend_pid()
      UNION ALL
      SELECT NULL, s.xmin
      FROM pg_replication_slots AS s
      WHERE s.slot_type = 'physical'
    ) AS held
    WHERE age(held.xmin) >= pg_current_xact_id()::text::numeric - (pgpartition.recorded->>'changed')::numeric
    LIMIT 1;
  IF FOUND THEN
    RAISE lock_not_available USING
      MESSAGE = concat(pgpartition.words,
        ' has a snapshot from before the operator last wrote rows: end its transaction');
  END IF;

  -- Objects of the application on the serving table, as the catalog deparses them.
@drop_others  FOR object IN
    SELECT g.tgname, g.tgenabled, pg_get_triggerdef(g.oid) AS definition, obj_description(g.oid, 'pg_trigger') AS comment,
      p.tgname AS passive,
      replace(pg_get_triggerdef(g.oid), format(' ON %s ', g.tgrelid::regclass), ' ON ')
        = replace(pg_get_triggerdef(p.oid), format(' ON %s ', p.tgrelid::regclass), ' ON ') AS is_same
    FROM pg_trigger AS g
    LEFT JOIN pg_trigger AS p ON p.tgrelid = pgpartition.passive AND p.tgname = g.tgname AND NOT p.tgisinternal
    WHERE g.tgrelid = pgpartition.serving AND NOT g.tgisinternal AND g.tgname <> ALL (@triggers)
    ORDER BY g.tgname
  LOOP
    IF object.is_same IS NOT TRUE THEN
      IF object.passive IS NOT NULL THEN
        EXECUTE format(@drop_of_passive, object.tgname);
      END IF;
      later := later || object.definition
        || CASE WHEN object.comment IS NOT NULL THEN
          ARRAY[format('COMMENT ON TRIGGER %I ON %s IS %L', object.tgname, @serving_text, object.comment)] END;
    END IF;
    later := later || format('ALTER TABLE %s %s TRIGGER %I', @serving_text, CASE object.tgenabled WHEN 'D' THEN 'DISABLE'
      WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, object.tgname);
    EXECUTE format(@retire_trigger, object.tgname);
  END LOOP;
@bound  -- Lines of the mark after the first are about the partitioned table and are kept in the comment of the passive one.
  words := obj_description(pgpartition.serving, 'pg_class');
  SELECT array_agg(l.line ORDER BY l.at) FILTER (WHERE l.at > 1 AND NOT starts_with(l.line, 'pgpartition.dev deferred ')),
      max(substr(l.line, length('pgpartition.dev deferred ') + 1)) FILTER (WHERE starts_with(l.line, 'pgpartition.dev deferred '))
    INTO pgpartition.marks, pgpartition.deferred
    FROM unnest(string_to_array(obj_description(pgpartition.passive, 'pg_class'), E'\n')) WITH ORDINALITY AS l (line, at)
    WHERE starts_with(l.line, 'pgpartition.dev ');

@remove  -- Each identity column has a sequence: under the lock of its rename no session takes a number.
  FOR object IN
    WITH sequences AS (
      SELECT a.attrelid, a.attname, s.oid, s.relname
      FROM pg_attribute AS a
      JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
        AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
      JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
      WHERE a.attrelid IN (pgpartition.serving, pgpartition.passive) AND a.attidentity <> ''
    )
    SELECT s.oid AS serving, p.oid AS passive, s.relname AS name
    FROM sequences AS s
    JOIN sequences AS p ON p.attrelid = pgpartition.passive AND p.attname = s.attname
    WHERE s.attrelid = pgpartition.serving
    ORDER BY s.attname
  LOOP
@limit    EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', object.serving::regclass, @passive_name);
    -- A session that waits for this lock takes its numbers from the other sequence, which skips them here.
    EXECUTE format(@go_on_after, object.passive, object.serving::regclass);
    EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', object.passive::regclass, object.name);
  END LOOP;
  FOR object IN
    WITH indexes AS (
      SELECT x.indrelid, x.indexrelid, c.relname, x.indisprimary, x.indisunique,
        substr(pg_get_indexdef(x.indexrelid), 1 + length(format('CREATE %sINDEX %I ON %s%s USING ',
          CASE WHEN x.indisunique THEN 'UNIQUE ' END, c.relname, CASE c.relkind WHEN 'I' THEN 'ONLY ' END,
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
      (SELECT i.indexrelid FROM indexes AS i WHERE i.indrelid = @source AND i.key @> @key AND i.key <@ @key
        ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1)
      UNION ALL
      (SELECT i.indexrelid FROM indexes AS i WHERE i.indrelid = @copy AND i.key = @full_key
        ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1)
    ), shapes AS (
      SELECT i.indrelid, i.indexrelid, i.relname,
        CASE WHEN i.indexrelid IN (SELECT k.indexrelid FROM keys AS k) THEN 'key'
          ELSE concat_ws(' ', i.indisunique, i.indisexclusion, i.shape) END AS shape
      FROM indexes AS i
    ), numbered AS (
      -- Among indexes of the same shape, those that a swap renamed come first.
      SELECT i.*, row_number() OVER (PARTITION BY i.indrelid, i.shape ORDER BY NOT starts_with(i.relname, p.relname || '_'),
        NOT starts_with(i.relname, 'pgpartition_'), i.relname) AS number
      FROM shapes AS i
      JOIN pg_class AS p ON p.oid = pgpartition.passive
    )
    SELECT s.indexrelid AS serving, p.indexrelid AS passive, s.relname AS name,
      obj_description(s.indexrelid, 'pg_class') AS comment, obj_description(c.oid, 'pg_constraint') AS words,
      obj_description(k.oid, 'pg_constraint') AS passive_words, k.oid AS passive_constraint
    FROM numbered AS s
    JOIN numbered AS p ON p.indrelid = pgpartition.passive AND p.shape = s.shape AND p.number = s.number
    LEFT JOIN pg_constraint AS c ON c.conindid = s.indexrelid AND c.conrelid = s.indrelid AND c.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_constraint AS k ON k.conindid = p.indexrelid AND k.conrelid = p.indrelid AND k.contype IN ('p', 'u', 'x')
    WHERE s.indrelid = pgpartition.serving
    ORDER BY s.relname
  LOOP
@limit    EXECUTE format('ALTER INDEX %s RENAME TO %I', object.serving::regclass, @passive_name);
    EXECUTE format('ALTER INDEX %s RENAME TO %I', object.passive::regclass, object.name);
    IF object.comment IS DISTINCT FROM obj_description(object.passive, 'pg_class') THEN
      EXECUTE format('COMMENT ON INDEX %s IS %L', object.passive::regclass, object.comment);
    END IF;
    IF object.passive_constraint IS NOT NULL AND object.words IS DISTINCT FROM object.passive_words THEN
      EXECUTE format('COMMENT ON CONSTRAINT %I ON %s IS %L', object.name, @passive_text, object.words);
    END IF;
  END LOOP;
  FOR object IN
    WITH shapes AS (
      SELECT x.oid, x.stxrelid, x.stxname, n.nspname,
        concat(x.stxkind, ' ', pg_get_statisticsobjdef_columns(x.oid)) AS shape
      FROM pg_statistic_ext AS x
      JOIN pg_namespace AS n ON n.oid = x.stxnamespace
      WHERE x.stxrelid IN (pgpartition.serving, pgpartition.passive)
    ), numbered AS (
      SELECT x.*, row_number() OVER (PARTITION BY x.stxrelid, x.shape ORDER BY NOT starts_with(x.stxname, p.relname || '_'),
        NOT starts_with(x.stxname, 'pgpartition_'), x.stxname) AS number
      FROM shapes AS x
      JOIN pg_class AS p ON p.oid = pgpartition.passive
    )
    SELECT s.oid AS serving, s.stxname AS name, format('%I.%I', s.nspname, s.stxname) AS old,
      format('%I.%I', p.nspname, p.stxname) AS passive
    FROM numbered AS s
    JOIN numbered AS p ON p.stxrelid = pgpartition.passive AND p.shape = s.shape AND p.number = s.number
    WHERE s.stxrelid = pgpartition.serving
    ORDER BY s.stxname
  LOOP
    EXECUTE format('ALTER STATISTICS %s RENAME TO %I', object.old, @passive_statistics);
    EXECUTE format('ALTER STATISTICS %s RENAME TO %I', object.passive, object.name);
  END LOOP;
  ALTER TABLE @serving RENAME TO @new_name;
  ALTER TABLE @passive RENAME TO @name;

@install@bind@self_references  EXECUTE format('COMMENT ON TABLE %s IS %L', @serving_text, @marked_serving);
  EXECUTE format('COMMENT ON TABLE %s IS %L', @new_passive_text, @marked_passive);
@end
