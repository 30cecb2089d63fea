-- Earlier programs made these tables without a version, and not all of them: what is there is taken over.

CREATE TABLE IF NOT EXISTS store_change (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id TEXT NOT NULL,
    isbn TEXT,
    kind TEXT NOT NULL,
    entity TEXT,
    before JSONB,
    after JSONB,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'pending' CHECK (outcome IN ('pending', 'written', 'failed')),
    detail TEXT,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS idx_store_change_isbn ON store_change (isbn, kind, id);
CREATE INDEX IF NOT EXISTS idx_store_change_run ON store_change (run_id, id);
CREATE INDEX IF NOT EXISTS idx_store_change_pending ON store_change (isbn) WHERE outcome = 'pending';
CREATE INDEX IF NOT EXISTS idx_store_change_shared ON store_change (kind, id) WHERE isbn IS NULL;

CREATE TABLE IF NOT EXISTS store_failed_request (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INT,
    body TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS idx_store_failed_request_run ON store_failed_request (run_id, id);

CREATE TABLE IF NOT EXISTS store_known (
    what TEXT NOT NULL,
    called TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (what, called)
);
