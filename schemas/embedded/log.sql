-- The embedded event log: one SQLite file, one partition.
--
-- A message is written once. Nothing updates or deletes it, and the two triggers hold everyone to that who
-- opens the file with another tool. The file is in WAL mode and is written with `synchronous = FULL`.

-- 'FFLG': tells this file from every other SQLite file.
PRAGMA application_id = 1179012167;
-- Version of this schema. A program refuses a file whose version is higher than the one that it knows.
PRAGMA user_version = 1;

CREATE TABLE message (
    -- Dense, from 1: a number is used once, and none is left out.
    position    INTEGER PRIMARY KEY CHECK (position > 0),
    -- The tenant's UUID, 16 bytes.
    tenant      BLOB    NOT NULL CHECK (length(tenant) = 16),
    -- <context>.<aggregate>.<id>
    stream      TEXT    NOT NULL,
    -- Position of the stream's previous message; 0 for its first.
    expected    INTEGER NOT NULL CHECK (expected >= 0 AND expected < position),
    -- Recorded time: microseconds since 1970-01-01T00:00:00Z.
    recorded_at INTEGER NOT NULL,
    -- CloudEvents JSON batch, byte for byte as appended.
    payload     BLOB    NOT NULL,
    -- A stream is a chain: two messages cannot follow the same one, whoever writes them. As every entry also
    -- holds the position, this one index serves the end of a stream and the load of a stream as well.
    CONSTRAINT stream_never_forks UNIQUE (tenant, stream, expected)
) STRICT;

-- Entries of one tenant stand in order of position, so that reading a tenant skips all others.
CREATE INDEX message_of_tenant ON message (tenant);

CREATE TRIGGER message_is_never_changed BEFORE UPDATE ON message
BEGIN
    SELECT RAISE(ABORT, 'a message of the event log is never changed');
END;

CREATE TRIGGER message_is_never_removed BEFORE DELETE ON message
BEGIN
    SELECT RAISE(ABORT, 'a message of the event log is never removed');
END;
