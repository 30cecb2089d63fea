-- Readings are merged per distribution center, each count with its own time; and a person may ask for a title again.

ALTER TABLE public.ingram_queue
    -- Where the last reading came from.
    ADD COLUMN stock_source TEXT,
    -- The last three complete readings, the newest first. A center that none of three showed is counted no longer:
    ADD COLUMN stock_complete_at TIMESTAMPTZ[],
    -- it is kept here, with the count that it had, instead of in stock_json.
    ADD COLUMN stock_gone JSONB,
    -- When the title was last asked for by name, as `ingram enrich` does.
    ADD COLUMN wanted_at TIMESTAMPTZ;

ALTER TABLE public.ingram_stock_history ADD COLUMN stock_source TEXT;

CREATE OR REPLACE VIEW public.ingram_current_titles AS
SELECT DISTINCT ON (isbn) * FROM public.ingram_queue ORDER BY isbn, (imported_at IS NULL) DESC, id DESC;

-- A center's counts were read with the title's last reading, as far as is known, and that one was complete.
UPDATE public.ingram_queue q
SET stock_source = 'ipage', stock_complete_at = ARRAY[q.stock_observed_at]
WHERE q.stock_observed_at IS NOT NULL AND jsonb_typeof(q.stock_json) = 'object';

UPDATE public.ingram_queue q
SET stock_json = (
    SELECT jsonb_object_agg(
        e.key,
        CASE WHEN jsonb_typeof(e.value) = 'object'
            THEN jsonb_build_object('readAt', to_char(q.stock_observed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) || e.value
            ELSE e.value END
    )
    FROM jsonb_each(q.stock_json) e
)
WHERE q.stock_observed_at IS NOT NULL AND jsonb_typeof(q.stock_json) = 'object' AND q.stock_json <> '{}';
