-- The records beside the embedded event log: one SQLite file, `<log>-records`, made with the first record.
--
-- The latest value under each key of a kind: snapshots of aggregates, checkpoints, leases, keys of persons, how far
-- followers of the log are.
-- The file is in WAL mode and is written with `synchronous = FULL`, but for snapshots and followers, which are made
-- again where they are lost. It is a file of its own so that its writes never hold
-- up a commit, and so that the log's file holds nothing that is ever changed.

-- 'FFRC': tells this file from every other SQLite file.
PRAGMA application_id = 1179013699;
-- Version of this schema. A program refuses a file whose version is not the one that it knows.
PRAGMA user_version = 1;

CREATE TABLE record (
    -- Rises with every write of any key, and is never used again.
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 'snapshot', 'checkpoint', 'lease', 'person_key', 'follower'
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    -- Byte for byte as written.
    value    BLOB NOT NULL,
    CONSTRAINT one_record_a_key UNIQUE (kind, key)
) STRICT;
