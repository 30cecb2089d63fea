-- Who asked for a run that a person started: Dagster forgets a run that is deleted there, the journal does not.
CREATE TABLE store_run (
    run_id TEXT PRIMARY KEY,
    asked_by TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
