-- What bounds the harm that a stolen role can do. The table is the owner's: neither role may touch it.

-- What a day lets in, in one row (ingram_room_today): what was used of it, and what a person lets in beyond.
CREATE TABLE public.ingram_limits (
    is_only_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (is_only_row),
    -- Covers lie below this address; NULL: at any public one.
    cover_prefix TEXT,
    -- New titles that `ingram queue let-in` lets in beyond the day's number, until they are used up.
    let_in BIGINT NOT NULL DEFAULT 0,
    day DATE NOT NULL DEFAULT '-infinity',
    new_titles BIGINT NOT NULL DEFAULT 0,
    text_bytes BIGINT NOT NULL DEFAULT 0,
    stock_bytes BIGINT NOT NULL DEFAULT 0
);
INSERT INTO public.ingram_limits DEFAULT VALUES;

-- The reader may write a failed_reason, and no longer one than this. What is longer is cut, not refused: a program
-- that imports must not fail because its error is long.
CREATE FUNCTION public.ingram_cut_reason() RETURNS TRIGGER LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.failed_reason := left(NEW.failed_reason, 2000);
    RETURN NEW;
END
$$;

CREATE TRIGGER ingram_cut_reason BEFORE UPDATE OF failed_reason ON public.ingram_queue
FOR EACH ROW WHEN (length(NEW.failed_reason) > 2000) EXECUTE FUNCTION public.ingram_cut_reason();
