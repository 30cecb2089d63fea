-- When stock was read and when it moved, and every move there was.

ALTER TABLE public.ingram_queue
    ADD COLUMN stock_observed_at TIMESTAMPTZ,
    ADD COLUMN stock_changed_at TIMESTAMPTZ;

-- Each hour rewrites the stock of every row: with room on its page that touches no index.
ALTER TABLE public.ingram_queue SET (fillfactor = 60);

-- The current row of an ISBN is found by this.
CREATE INDEX idx_queue_current ON public.ingram_queue (isbn, (imported_at IS NULL) DESC, id DESC);

CREATE TABLE public.ingram_stock_history (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    isbn TEXT NOT NULL,
    stock_observed_at TIMESTAMPTZ NOT NULL,
    stock_changed_at TIMESTAMPTZ NOT NULL,
    stock_json JSONB NOT NULL
);

-- The reader's cursor walks this one; a title's history, and the reading before a change, this other.
CREATE INDEX idx_stock_history_changed ON public.ingram_stock_history (stock_changed_at, id);
CREATE INDEX idx_stock_history_isbn ON public.ingram_stock_history (isbn, id);

-- Stock that was known before there was a history is its first entry. It was read when its row was made.
UPDATE public.ingram_queue q
SET stock_observed_at = LEAST(COALESCE(q.created_at AT TIME ZONE 'UTC', now()), now()), stock_changed_at = now()
WHERE jsonb_typeof(q.stock_json) = 'object' AND q.stock_json <> '{}';

INSERT INTO public.ingram_stock_history (isbn, stock_observed_at, stock_changed_at, stock_json)
SELECT q.isbn, q.stock_observed_at, q.stock_changed_at, q.stock_json
FROM (
    SELECT DISTINCT ON (isbn) * FROM public.ingram_queue ORDER BY isbn, (imported_at IS NULL) DESC, id DESC
) q
WHERE q.stock_observed_at IS NOT NULL
ORDER BY q.id;
