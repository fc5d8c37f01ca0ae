  FOREACH command IN ARRAY later LOOP
@limit    EXECUTE command;
  END LOOP;
  FOREACH command IN ARRAY views LOOP
@limit    BEGIN
      EXECUTE command;
    EXCEPTION
      -- It groups by a key that the other table does not have, or has a column of the row type: it goes on reading the
      -- table that it reads.
      WHEN grouping_error OR invalid_table_definition THEN NULL;
    END;
  END LOOP;
