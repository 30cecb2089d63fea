-- What programs ask the desk with. The token itself is nowhere: only what it can be checked against.
CREATE TABLE desk_token (
    id TEXT PRIMARY KEY,
    -- Stands in the ledger, so it is never given to a second one, not even after the first is revoked.
    name TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'store', 'admin')),
    channel_id TEXT,
    channel_name TEXT,
    hash TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    created_by TEXT NOT NULL,
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    CHECK ((scope = 'store') = (channel_id IS NOT NULL))
);
