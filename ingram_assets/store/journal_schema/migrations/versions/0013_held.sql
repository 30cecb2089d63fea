-- Titles whose push a guardrail stopped, until a push of them comes through. `at`: the first time.
CREATE TABLE store_held (
    guardrail TEXT NOT NULL,
    isbn TEXT NOT NULL,
    reason TEXT NOT NULL,
    run_id TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (guardrail, isbn)
);
