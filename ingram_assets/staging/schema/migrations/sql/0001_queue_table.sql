-- The table that the store's importer reads, exactly as in the contract. Later migrations only add to it.
-- A table that an earlier program of the store made is taken over as it is.

CREATE TABLE IF NOT EXISTS public.ingram_queue (
    id SERIAL PRIMARY KEY,
    isbn TEXT NOT NULL,
    title TEXT NOT NULL,
    author TEXT,
    publisher TEXT,
    publication_date TEXT,
    binding TEXT,
    page_count INT,
    srp_price NUMERIC(10,2),
    weight NUMERIC(10,2),
    cover_url TEXT,
    category_hint TEXT,
    stock_json JSONB,
    imported_at TIMESTAMP,
    failed_reason TEXT,
    created_at TIMESTAMP DEFAULT NOW()
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_queue_isbn_unimported ON public.ingram_queue (isbn) WHERE imported_at IS NULL;

DO $$
DECLARE
    wrong TEXT;
BEGIN
    SELECT string_agg(format('%s %s', wanted.name, wanted.type), ', ' ORDER BY wanted.name)
    INTO wrong
    FROM (VALUES
        ('id', 'integer'), ('isbn', 'text'), ('title', 'text'), ('author', 'text'), ('publisher', 'text'),
        ('publication_date', 'text'), ('binding', 'text'), ('page_count', 'integer'),
        ('srp_price', 'numeric(10,2)'), ('weight', 'numeric(10,2)'), ('cover_url', 'text'),
        ('category_hint', 'text'), ('stock_json', 'jsonb'), ('imported_at', 'timestamp without time zone'),
        ('failed_reason', 'text'), ('created_at', 'timestamp without time zone')
    ) wanted (name, type)
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = 'public.ingram_queue'::regclass AND NOT a.attisdropped
          AND a.attname = wanted.name AND pg_catalog.format_type(a.atttypid, a.atttypmod) = wanted.type
    );
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'The table ingram_queue that is already there has no column %: alter or rename it, then migrate again.', wrong;
    END IF;
END
$$;
