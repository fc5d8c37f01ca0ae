  -- Deadline of all waits for locks together, which is that of a single wait.
  deadline timestamptz := clock_timestamp() + nullif(current_setting('lock_timeout'), '0')::interval;
  serving oid := pgpartition.source;
  name text := @serving_text;
  partition text := @partition;
  -- Commands to run after the exchange of names. Names in definitions then refer to the partitioned table.
  later text[] := '{}';
  views text[] := '{}';
  command text;
  object record;
  row_key text;
  has_replica_identity boolean;
  indexes bigint;
BEGIN
@begin@lock_views@limit  LOCK TABLE ONLY @serving IN ACCESS EXCLUSIVE MODE;
@limit  LOCK TABLE @passive IN ACCESS EXCLUSIVE MODE;
  IF to_regclass(pgpartition.name)::oid IS DISTINCT FROM @source_oid OR to_regclass(@passive_text)::oid IS DISTINCT FROM @copy_oid
    OR pgpartition.source <> @source_oid OR pgpartition.copy <> @copy_oid
    OR split_part(obj_description(@copy_oid, 'pg_class'), E'\n', 1) IS DISTINCT FROM @mark
  THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'another table has one of the names now: plan again';
  END IF;
@remove_guard@differences  SELECT string_agg(DISTINCT k.command, '; ') INTO pgpartition.command FROM commands AS k;
  IF pgpartition.command IS NOT NULL THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = 'the table and the partitioned table differ: plan again', DETAIL = left(pgpartition.command, 1000);
  END IF;
  FOR command IN SELECT t.relid::regclass FROM pg_partition_tree(pgpartition.copy) AS t WHERE t.isleaf LOOP
    EXECUTE format('SELECT FROM ONLY %s LIMIT 1', pgpartition.command) INTO object;
    GET DIAGNOSTICS indexes = ROW_COUNT;
    IF pgpartition.indexes > 0 THEN
      RAISE object_not_in_prerequisite_state USING
        MESSAGE = format('partition %s has rows, which would become rows of the table: remove them', pgpartition.command);
    END IF;
  END LOOP;
@triggers@bound  -- The key of the partitioned table, which the plain table lacks, replaces its own key.
  SELECT c.relname, x.indisreplident INTO pgpartition.row_key, pgpartition.has_replica_identity
    FROM pg_index AS x
    JOIN pg_class AS c ON c.oid = x.indexrelid
    CROSS JOIN LATERAL (
      SELECT array_agg(a.attname) AS names
      FROM unnest(x.indkey[0:x.indnkeyatts - 1]) AS k (attnum)
      JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
    ) AS columns
    WHERE x.indrelid = pgpartition.source AND x.indisunique AND x.indimmediate AND x.indisvalid AND NOT x.indisexclusion
      AND x.indpred IS NULL AND x.indexprs IS NULL AND columns.names @> @key AND columns.names <@ @key
      AND c.relname NOT IN (@own_key, @full_key)
    ORDER BY x.indisprimary DESC, x.indexrelid
    LIMIT 1;
  FOR object IN
    SELECT k.conname, k.contype
    FROM pg_constraint AS k
    WHERE k.conrelid = pgpartition.copy AND k.contype IN ('p', 'u') AND NOT EXISTS (
      SELECT FROM pg_constraint AS s
      WHERE s.conrelid = pgpartition.source AND s.contype = k.contype
        AND pg_get_constraintdef(s.oid) = pg_get_constraintdef(k.oid)
    )
  LOOP
    IF pgpartition.object.contype = 'p' THEN
      IF NOT EXISTS (
        SELECT FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid
        WHERE x.indrelid = pgpartition.source AND x.indisvalid AND x.indisunique AND c.relname = @own_key
      ) THEN
        RAISE object_not_in_prerequisite_state USING
          MESSAGE = format('the table has no valid index %s any more, which its key needs again at a rollback: plan again', @own_key);
      END IF;
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', pgpartition.name, pgpartition.row_key);
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I', pgpartition.name, @full_key, @full_key);
    ELSE
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I UNIQUE USING INDEX %I', pgpartition.name, @full_key, @full_key);
      EXECUTE format('ALTER INDEX %I.%I RENAME TO %I', @schema, pgpartition.row_key, @own_key);
    END IF;
    IF pgpartition.has_replica_identity THEN
      EXECUTE format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', pgpartition.name, @full_key);
    END IF;
    EXECUTE format('ALTER INDEX %I.%I RENAME TO %I', @schema, pgpartition.object.conname, pgpartition.row_key);
  END LOOP;
  EXECUTE format('ALTER TABLE %s RENAME TO %I', pgpartition.name, @partition_name);
  EXECUTE format('ALTER TABLE %s RENAME TO %I', @passive_text, @name);
  -- A partition uses the sequence of its table. Under this lock no session takes a number.
  FOR object IN
    SELECT k.attname, s.relname AS old, s.oid::regclass AS "from", q.oid::regclass AS "to"
    FROM pg_attribute AS k
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = k.attrelid AND d.refobjsubid = k.attnum
      AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
    JOIN pg_class AS s ON s.oid = d.objid
    JOIN pg_attribute AS c ON c.attrelid = pgpartition.copy AND c.attname = k.attname
    JOIN pg_depend AS e ON e.refclassid = 'pg_class'::regclass AND e.refobjid = c.attrelid AND e.refobjsubid = c.attnum
      AND e.classid = 'pg_class'::regclass AND e.deptype = 'i'
    JOIN pg_class AS q ON q.oid = e.objid
    WHERE k.attrelid = pgpartition.source AND k.attidentity <> ''
  LOOP
    command := 'pgpartition_sequence_' || pgpartition.object."from"::oid;
@limit    EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', pgpartition.object."from", pgpartition.command);
    EXECUTE format('SELECT setval(%L::regclass, s.last_value, s.is_called) FROM %I.%I AS s', pgpartition.object."to"::oid,
      @schema, pgpartition.command);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY', pgpartition.partition, pgpartition.object.attname);
    EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', pgpartition.object."to", pgpartition.object.old);
  END LOOP;
  SELECT count(*) INTO pgpartition.indexes FROM pg_index AS x WHERE x.indrelid = pgpartition.source;
@limit  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', pgpartition.name, pgpartition.partition, @bounds);
  IF pgpartition.indexes <> (SELECT count(*) FROM pg_index AS x WHERE x.indrelid = pgpartition.source) THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'the table lacks an index of the partitioned table: plan again';
  END IF;
  -- Indexes of the serving table have the names that applications know.
  FOR object IN
    SELECT p.oid::regclass AS parent, c.oid::regclass AS child, c.relname, 'pgpartition_index_' || c.oid AS fallback,
      @partition_name || substr(p.relname, length(@copy_name) + 1) AS new, starts_with(p.relname, @copy_name) AS is_named
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_class AS p ON p.oid = i.inhparent
    JOIN pg_index AS x ON x.indexrelid = c.oid AND x.indrelid = pgpartition.source
    WHERE c.relname <> @full_key
  LOOP
    EXECUTE format('ALTER INDEX %s RENAME TO %I', pgpartition.object.child, CASE
      WHEN pgpartition.object.is_named AND octet_length(pgpartition.object.new) < 64
        AND to_regclass(format('%I.%I', @schema, pgpartition.object.new)) IS NULL THEN pgpartition.object.new
      ELSE pgpartition.object.fallback END);
    EXECUTE format('ALTER INDEX %s RENAME TO %I', pgpartition.object.parent, pgpartition.object.relname);
  END LOOP;
@bind  EXECUTE format('COMMENT ON TABLE %s IS %L', pgpartition.name, (
    SELECT string_agg(l.line, E'\n' ORDER BY l.at)
    FROM unnest(string_to_array(obj_description(pgpartition.copy, 'pg_class'), E'\n')) WITH ORDINALITY AS l (line, at)
    WHERE NOT starts_with(l.line, 'pgpartition.dev ')));
  EXECUTE format('COMMENT ON TABLE %s IS %L', pgpartition.partition,
    concat_ws(E'\n', @marker, obj_description(pgpartition.source, 'pg_class')));
  EXECUTE format('ALTER TABLE %s %s', pgpartition.partition, @drop_checks);
@end