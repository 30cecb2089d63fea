-- Runs of which a person saw what they were about to write, and wanted it written.
CREATE TABLE store_let_through (
    run_id TEXT PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- What was written lately is looked up by every push in which a title turns.
CREATE INDEX idx_store_change_at ON store_change (at);
