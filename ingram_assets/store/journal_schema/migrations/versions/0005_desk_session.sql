-- Who is signed in at the desk. What the browser sends is nowhere: only what it is known by.
CREATE TABLE desk_session (
    hash TEXT PRIMARY KEY,
    -- The admin user's id in Medusa.
    person_id TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    made_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    seen_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    ends_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX ON desk_session (person_id);
