-- The tables of store.db. A digest is text as in a descriptor: "sha256:" and 64 hex digits.
-- Times are seconds since 1970. A `seal` is 16 hex digits of the SHA-256 of the other columns that
-- matter, because SQLite has no checksums of its own: `bld check` and readers of worth compare it.
-- A row never precedes on disk what it points to.

-- Files under blobs/.
CREATE TABLE blobs (
  digest     TEXT PRIMARY KEY,  -- also the name of the file
  size_bytes INTEGER NOT NULL,  -- of the file
  media_type TEXT NOT NULL      -- what it was put as
) WITHOUT ROWID;

-- Layers, by what they contain.
CREATE TABLE layers (
  diff_id         TEXT PRIMARY KEY,  -- digest of the uncompressed tar
  tar_size_bytes  INTEGER NOT NULL,  -- of that tar
  implied_parents INTEGER NOT NULL,  -- 1: its trees hold directories that its tar does not list
  seal            TEXT NOT NULL      -- of diff_id, tar_size_bytes
) WITHOUT ROWID;

-- Directories under trees/.
CREATE TABLE trees (
  tree_id     TEXT PRIMARY KEY,  -- 16 hex digits, the name of the directory
  diff_id     TEXT NOT NULL REFERENCES layers(diff_id) ON DELETE CASCADE,
  parents_key TEXT NOT NULL,     -- empty, or for a layer with implied parents the digest of those
  sealed_with TEXT,              -- JSON of layers::SealOptions; NULL: sealing it gives another tar
  UNIQUE (diff_id, parents_key)
) WITHOUT ROWID;

-- Which layer a tar, compressed or not, is. Outlives the blob, so that a registry's blob that was
-- seen once need not be pulled again to know its layer.
CREATE TABLE layer_blobs (
  digest     TEXT PRIMARY KEY,  -- of the bytes as stored or sent; on disk when also in blobs
  diff_id    TEXT NOT NULL REFERENCES layers(diff_id) ON DELETE CASCADE,
  media_type TEXT NOT NULL,     -- says the compression
  size_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX layer_blobs_by_layer ON layer_blobs(diff_id);

-- Images: a manifest with all that it needs.
CREATE TABLE images (
  manifest_digest     TEXT PRIMARY KEY REFERENCES blobs(digest),
  manifest_media_type TEXT NOT NULL,
  config_digest       TEXT NOT NULL REFERENCES blobs(digest),  -- its hex is the image ID
  created             TEXT NOT NULL,     -- as the config says, or empty
  stored_at           INTEGER NOT NULL,  -- when this store first had it
  size_bytes          INTEGER NOT NULL,  -- of the uncompressed layers and the config
  seal                TEXT NOT NULL      -- of manifest_digest, config_digest
) WITHOUT ROWID;
CREATE INDEX images_by_config ON images(config_digest);

-- The layers of an image, so that what is reachable is known without reading manifests.
CREATE TABLE image_layers (
  manifest_digest TEXT NOT NULL REFERENCES images(manifest_digest) ON DELETE CASCADE,
  position        INTEGER NOT NULL,  -- 0 is the lowest
  diff_id         TEXT NOT NULL REFERENCES layers(diff_id),
  PRIMARY KEY (manifest_digest, position)
) WITHOUT ROWID;
CREATE INDEX image_layers_by_layer ON image_layers(diff_id);

-- Names of images.
CREATE TABLE names (
  name            TEXT PRIMARY KEY,  -- normalised: localhost/app:latest
  manifest_digest TEXT NOT NULL REFERENCES images(manifest_digest),
  named_at        INTEGER NOT NULL,
  seal            TEXT NOT NULL      -- of name, manifest_digest
) WITHOUT ROWID;
CREATE INDEX names_by_image ON names(manifest_digest);

-- The step cache.
CREATE TABLE steps (
  key         TEXT PRIMARY KEY,  -- definition key
  content_key TEXT,              -- NULL: none
  diff_id     TEXT REFERENCES layers(diff_id),  -- NULL: the step changed no file
  ingredients TEXT NOT NULL,     -- JSON, for --explain
  value       TEXT NOT NULL,     -- JSON, what else the step gives
  label       TEXT NOT NULL,     -- which step of which build, to a person
  created_at  INTEGER NOT NULL,
  last_used   INTEGER NOT NULL,  -- written at most once a day
  seal        TEXT NOT NULL      -- of key, content_key, diff_id, value
);
CREATE INDEX steps_by_content ON steps(content_key) WHERE content_key IS NOT NULL;
CREATE INDEX steps_by_layer ON steps(diff_id) WHERE diff_id IS NOT NULL;
CREATE INDEX steps_by_label ON steps(label, created_at);

-- What the files of build contexts contained when they were last read.
CREATE TABLE file_digests (
  device     INTEGER NOT NULL,  -- 64 bits, as signed
  inode      INTEGER NOT NULL,  -- 64 bits, as signed
  size_bytes INTEGER NOT NULL,
  mtime_ns   INTEGER NOT NULL,
  ctime_ns   INTEGER NOT NULL,
  sha256     BLOB NOT NULL,     -- 32 bytes
  stored_on  INTEGER NOT NULL,  -- day since 1970; old rows are forgotten by gc
  PRIMARY KEY (device, inode)
) WITHOUT ROWID;

-- Working containers.
CREATE TABLE containers (
  id              TEXT PRIMARY KEY,  -- 64 hex digits; also the directory under containers/
  name            TEXT NOT NULL UNIQUE,
  manifest_digest TEXT REFERENCES images(manifest_digest),  -- NULL: from scratch
  config          TEXT NOT NULL,     -- JSON of the builder
  created_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX containers_by_image ON containers(manifest_digest);

-- The lower trees of a working container.
CREATE TABLE container_layers (
  container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
  position     INTEGER NOT NULL,  -- 0 is the lowest
  diff_id      TEXT NOT NULL REFERENCES layers(diff_id),
  PRIMARY KEY (container_id, position)
) WITHOUT ROWID;
CREATE INDEX container_layers_by_layer ON container_layers(diff_id);
