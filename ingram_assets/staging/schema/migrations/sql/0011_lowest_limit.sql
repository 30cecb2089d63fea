-- The fewest requests in flight that a run allowed of late, and when it last said so: it counts for all.
ALTER TABLE scraper.pace
    ADD fewest INT NOT NULL DEFAULT 0,
    ADD fewest_at TIMESTAMPTZ NOT NULL DEFAULT '-infinity';
