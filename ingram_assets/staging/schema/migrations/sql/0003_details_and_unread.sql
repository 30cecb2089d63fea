-- What the product page says beyond the contract's columns, and which pages can't be read, since when, and why.

ALTER TABLE public.ingram_queue
    ADD COLUMN description TEXT,
    ADD COLUMN series TEXT,
    ADD COLUMN contributors JSONB,
    ADD COLUMN bisac JSONB,
    ADD COLUMN publisher_status TEXT,
    ADD COLUMN cover_sha256 TEXT;

-- One row per title whose last attempt failed; a reading of its stock deletes it.
CREATE TABLE public.ingram_unread (
    isbn TEXT PRIMARY KEY,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    unread_since TIMESTAMPTZ NOT NULL,
    attempts INT NOT NULL
);

-- One row per ISBN: the one not imported yet if there is one, else the newest.
CREATE VIEW public.ingram_current_titles AS
SELECT DISTINCT ON (isbn) * FROM public.ingram_queue ORDER BY isbn, (imported_at IS NULL) DESC, id DESC;
