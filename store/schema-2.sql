-- What version 2 adds to schema.sql.

-- Manifest lists in the making: one name for images of several platforms. The images are the
-- user's to keep; the document only names them.
CREATE TABLE lists (
  id         TEXT PRIMARY KEY,     -- 64 hex digits
  name       TEXT NOT NULL UNIQUE, -- normalised: localhost/app:latest
  document   TEXT NOT NULL,        -- an image index, JSON
  created_at INTEGER NOT NULL
) WITHOUT ROWID;
