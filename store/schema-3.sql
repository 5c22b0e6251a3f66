-- What version 3 adds to schema.sql and schema-2.sql.

-- Counts the working containers up, for the order of those of one second.
ALTER TABLE containers ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
