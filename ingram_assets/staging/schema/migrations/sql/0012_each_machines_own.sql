-- Machines may have different sessions and passwords: the pages of each session are counted, and each refusal is kept.
ALTER TABLE scraper.slow_starts
    DROP CONSTRAINT slow_starts_pkey,
    ADD PRIMARY KEY (site, session),
    ADD counted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp();
ALTER TABLE scraper.refused_passwords
    DROP CONSTRAINT refused_passwords_pkey,
    ADD PRIMARY KEY (account, digest);
