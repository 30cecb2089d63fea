-- Who let what is planned be written to the store, and when. Without a row, and without a write, a shop watches.
CREATE TABLE store_went_live (
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    asked_by TEXT NOT NULL,
    run_id TEXT NOT NULL
);

-- What a push of all titles would have done while the shop only watched: the last plan of each day.
CREATE TABLE store_plan (
    day DATE PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    run_id TEXT NOT NULL,
    figures JSONB NOT NULL,
    guardrail TEXT,
    -- Products that are sold without a count, and what becomes of them: of the newest plan alone.
    legacy JSONB
);
