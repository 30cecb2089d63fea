-- What runs of the scraper share, on whichever machine they are. A schema of its own, open to the writer role alone.
-- "site" is the host (and port) that is asked.

CREATE SCHEMA scraper;

-- When the next request may start, and how far apart they are (seconds, on average). Unlogged: a change costs no
-- write to the disk, and what a crash of the server loses is begun anew.
CREATE UNLOGGED TABLE scraper.pace (
    site TEXT PRIMARY KEY CHECK (length(site) <= 300),
    due TIMESTAMPTZ NOT NULL,
    started TIMESTAMPTZ NOT NULL,
    gap DOUBLE PRECISION NOT NULL
);

-- Product pages that were read well in the present session. Unlogged, too: then the slow start begins anew.
CREATE UNLOGGED TABLE scraper.slow_starts (
    site TEXT PRIMARY KEY CHECK (length(site) <= 300),
    session TEXT NOT NULL CHECK (length(session) <= 300),
    pages INT NOT NULL
);

-- Whether the site is left alone after a block. "trips" only counts up; "level" is how many came without a long quiet
-- time between; "proven": the site has answered well since the last one.
CREATE TABLE scraper.breakers (
    site TEXT PRIMARY KEY CHECK (length(site) <= 300),
    open_until TIMESTAMPTZ NOT NULL,
    tripped_at TIMESTAMPTZ NOT NULL,
    trips INT NOT NULL,
    level INT NOT NULL,
    proven BOOLEAN NOT NULL,
    reason TEXT NOT NULL CHECK (length(reason) <= 2000)
);

-- The signed-in session, encrypted with a key that only the scraper has. "account" is a digest of site and user.
CREATE TABLE scraper.sessions (
    account TEXT PRIMARY KEY CHECK (length(account) = 64),
    sealed BYTEA NOT NULL CHECK (octet_length(sealed) <= 1000000),
    kept_at TIMESTAMPTZ NOT NULL
);

-- A password that the site refused, as a salted digest: no run tries it again for a day.
CREATE TABLE scraper.refused_passwords (
    account TEXT PRIMARY KEY CHECK (length(account) = 64),
    digest TEXT NOT NULL CHECK (length(digest) <= 300),
    reason TEXT NOT NULL CHECK (length(reason) <= 2000),
    refused_at TIMESTAMPTZ NOT NULL
);

-- Pages that were not understood, cleaned and packed: the newest few.
CREATE TABLE scraper.kept_pages (
    run_id TEXT NOT NULL CHECK (length(run_id) <= 100),
    isbn TEXT NOT NULL CHECK (length(isbn) <= 100),
    kept_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    page BYTEA NOT NULL CHECK (octet_length(page) <= 1000000),
    PRIMARY KEY (run_id, isbn)
);
