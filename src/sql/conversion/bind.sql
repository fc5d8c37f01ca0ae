  FOREACH command IN ARRAY later LOOP
@limit    EXECUTE command;
  END LOOP;
  FOREACH command IN ARRAY views LOOP
@limit    BEGIN
      EXECUTE command;
    EXCEPTION
      -- The object groups by a key that the other table lacks, or has a column of the row type: it continues to read the
      -- same table.
      WHEN grouping_error OR invalid_table_definition THEN NULL;
    END;
  END LOOP;
