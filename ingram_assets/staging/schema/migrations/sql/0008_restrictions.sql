-- What keeps a title from being sold or sent back like any other, as its page says it: a word of ours for what is
-- known (domain/restrictions.py), else the page's own. NULL, as empty: none is known.

ALTER TABLE public.ingram_queue ADD COLUMN restrictions TEXT[];

CREATE OR REPLACE VIEW public.ingram_current_titles AS
SELECT DISTINCT ON (isbn) * FROM public.ingram_queue ORDER BY isbn, (imported_at IS NULL) DESC, id DESC;
