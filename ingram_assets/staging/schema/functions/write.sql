-- The scraper's only way in. Its role may execute these functions and nothing else: no table is open to it.
--
-- * Each takes one batch, a JSON array of objects as text, and answers every row of it: its place, the ISBN
--   as it was sent, what became of it, and why if it was refused. A bad row never holds back the others.
-- * Answers and errors are made of what the caller sent. What they do give away: whether an ISBN is tracked,
--   about when it was last read (`stale`), and whether what was sent is what was known. That is what the answers
--   are for. So counts can be guessed, one guess a call: it goes down in the history, where everybody sees it,
--   unless the caller takes its transaction back. No row can be read, and no other title's but by guessing.
-- * Nothing in them trusts the caller: check digits, counts, dates and lengths are judged here.
-- * Those who write wait for each other (ingram_begin_write). So changes become visible in the order of
--   their stamps, and a reader that goes by (stock_changed_at, id) misses none.
-- * Text is put in no statement, and search_path is pinned. So is standard_conforming_strings: with it off, a
--   backslash in the functions' own text would mean something else, and the rules by which a row is refused, too.

------------------------------------------------------------------------------------------ small rules

-- Ends sessions that hold back those who write: 10 seconds idle in a transaction, or 20 seconds since we first saw
-- them hold on. Ours never do, since each call is a transaction of its own; a thief's would for as long as he likes,
-- and no setting of the server could end it that he could not set back. For whom it may: an owner that may not end
-- them just waits. Whom we saw and when, by transaction id, goes in and comes out: a transaction's own age would not
-- do, since who had to wait long himself has an old one by the time it is his turn.
CREATE FUNCTION public.ingram_end_holders(seen JSONB) RETURNS JSONB LANGUAGE plpgsql AS $$
DECLARE
    holders JSONB;
BEGIN
    PERFORM pg_stat_clear_snapshot();
    holders := (
        SELECT jsonb_object_agg(a.backend_xid::text, jsonb_build_object(
            'pid', a.pid,
            'idle_since', CASE WHEN a.state LIKE 'idle in transaction%' THEN a.state_change END,
            'since', COALESCE(seen->a.backend_xid::text->'since', to_jsonb(clock_timestamp()))
        ))
        FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
        -- Who waits for us to let go has no transaction id yet.
        WHERE r.rolname <> current_user AND NOT r.rolsuper AND a.backend_xid IS NOT NULL AND EXISTS (
            SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
            WHERE l.pid = a.pid AND l.granted AND l.mode <> 'AccessShareLock'
                AND l.relation IN ('public.ingram_write_lock'::regclass, 'public.ingram_queue'::regclass)
        ) AND NOT EXISTS (
            -- Who waits for a row as we do is held back itself.
            SELECT FROM pg_locks w WHERE w.pid = a.pid AND NOT w.granted AND w.locktype IN ('tuple', 'transactionid')
        )
    );
    PERFORM pg_terminate_backend((h.value->>'pid')::int)
    FROM jsonb_each(holders) h
    WHERE (h.value->>'idle_since')::timestamptz < clock_timestamp() - INTERVAL '10 seconds'
        OR (h.value->>'since')::timestamptz < clock_timestamp() - INTERVAL '20 seconds';
    RETURN holders;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN NULL;
END
$$;

-- The lock is on a row of a table that is the owner's alone. An advisory lock anybody could take, and hold; and of a
-- table's lock the weaker modes, since PREPARE takes them for a statement that would then be refused.
CREATE FUNCTION public.ingram_begin_write() RETURNS TIMESTAMPTZ LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    holders JSONB;
BEGIN
    -- Under a snapshot taken before the wait, what the writer before us wrote would not be seen.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'The write functions need a transaction that is READ COMMITTED.'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    LOOP
        BEGIN
            PERFORM FROM public.ingram_write_lock FOR UPDATE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            holders := public.ingram_end_holders(holders);
        END;
    END LOOP;
    -- A clock that was set back does not reorder what comes after.
    RETURN GREATEST(
        clock_timestamp(),
        (SELECT max(h.stock_changed_at) + INTERVAL '1 microsecond' FROM public.ingram_stock_history h)
    );
END
$$;

CREATE FUNCTION public.ingram_isbn_problem(isbn TEXT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN isbn IS NULL THEN 'The row has no ISBN.'
        WHEN isbn !~ '^97[89][0-9]{10}$' THEN 'The ISBN is not 13 digits that start with 978 or 979.'
        WHEN (
            substr(isbn, 1, 1)::int + substr(isbn, 3, 1)::int + substr(isbn, 5, 1)::int
            + substr(isbn, 7, 1)::int + substr(isbn, 9, 1)::int + substr(isbn, 11, 1)::int
            + substr(isbn, 13, 1)::int + 3 * (
                substr(isbn, 2, 1)::int + substr(isbn, 4, 1)::int + substr(isbn, 6, 1)::int
                + substr(isbn, 8, 1)::int + substr(isbn, 10, 1)::int + substr(isbn, 12, 1)::int
            )
        ) % 10 <> 0 THEN 'The ISBN''s check digit is wrong.'
    END
$$;

CREATE FUNCTION public.ingram_try_jsonb(given TEXT) RETURNS JSONB LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN given::jsonb;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

-- Only ISO 8601 with an offset: "now", "infinity" and what a DateStyle may read otherwise are refused.
CREATE FUNCTION public.ingram_try_instant(given TEXT) RETURNS TIMESTAMPTZ LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
    instant TIMESTAMPTZ;
BEGIN
    instant := given::timestamptz;
    -- What is spelled as PostgreSQL spells it, as nearly always, needs no pattern, which takes longer than the rest.
    IF given LIKE '____-__-__T%+00:00' AND to_jsonb(instant) = to_jsonb(given)
        OR given ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$' THEN
        RETURN instant;
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

CREATE FUNCTION public.ingram_try_date(given TEXT) RETURNS DATE LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF given ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
        RETURN given::date;
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

-- A field's text, trimmed, its control characters but the line feed and tab made spaces. Empty is not known.
CREATE FUNCTION public.ingram_text(item JSONB, field TEXT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT NULLIF(btrim(regexp_replace(item->>field, '[\u0001-\u0008\u000b-\u001f\u007f]', ' ', 'g'), E' \t\n'), '')
$$;

CREATE FUNCTION public.ingram_text_problem(item JSONB, field TEXT, longest INT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT item ? field OR item->field = 'null' THEN NULL
        WHEN jsonb_typeof(item->field) <> 'string' THEN format('%s is not text.', field)
        WHEN length(item->>field) > longest
            THEN format('%s is %s characters long; %s are stored at most.', field, length(item->>field), longest)
    END
$$;

-- A number, or text that spells one, of at most this many digits before the point.
CREATE FUNCTION public.ingram_number_problem(item JSONB, field TEXT, digits INT, fraction INT)
RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT item ? field OR item->field = 'null' THEN NULL
        WHEN jsonb_typeof(item->field) NOT IN ('number', 'string')
            OR item->>field !~ format('^[0-9]{1,%s}%s$', digits, CASE WHEN fraction > 0 THEN format('(\.[0-9]{1,%s})?', fraction) END)
            THEN format('%s is not a number from 0 to %s.', field, repeat('9', digits))
    END
$$;

-- A list of at most 200 entries of these JSON types, 20,000 characters in all.
CREATE FUNCTION public.ingram_list_problem(item JSONB, field TEXT, types TEXT[]) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT item ? field OR item->field = 'null' THEN NULL
        WHEN jsonb_typeof(item->field) <> 'array' THEN format('%s is not a list.', field)
        WHEN jsonb_array_length(item->field) > 200 OR length(item->>field) > 20000 THEN format('%s is too long.', field)
        WHEN EXISTS (SELECT FROM jsonb_array_elements(item->field) e WHERE jsonb_typeof(e) <> ALL (types))
            THEN format('%s holds an entry of the wrong type.', field)
    END
$$;

CREATE FUNCTION public.ingram_instant_problem(item JSONB) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE public.ingram_try_instant(item->>'observed_at') > statement_timestamp() + INTERVAL '5 minutes'
        WHEN false THEN NULL
        WHEN true THEN 'observed_at lies in the future: a clock is wrong.'
        ELSE 'observed_at is not an ISO 8601 time with its offset.'
    END
$$;

-- Whether a look came before the last one. A last one that lies in the future was timed by a clock that was wrong
-- then, and is right again: what comes now is newer, or nothing would be for as long as the clock was ahead.
CREATE FUNCTION public.ingram_is_older(look TIMESTAMPTZ, last TIMESTAMPTZ) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT look < last AND last <= statement_timestamp() + INTERVAL '5 minutes'
$$;

CREATE FUNCTION public.ingram_is_no_count(count JSONB) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN jsonb_typeof(count) = 'number' THEN count::numeric NOT BETWEEN 0 AND 10000000 OR scale(count::numeric) > 0
        ELSE count IS NOT NULL AND count <> 'null'
    END
$$;

CREATE FUNCTION public.ingram_dc_problem(dc TEXT, counts JSONB) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN dc !~ '^[A-Z]{2}$' THEN format('%L is no distribution center: two capital letters.', left(dc, 20))
        WHEN jsonb_typeof(counts) <> 'object' THEN format('The stock of %s is not an object.', dc)
        WHEN counts->>'type' NOT IN ('primary', 'secondary', 'other')
            THEN format('The type of %s is none of primary, secondary, other.', dc)
        WHEN public.ingram_is_no_count(counts->'onHand') OR public.ingram_is_no_count(counts->'onOrder')
            THEN format('A count of %s is not a whole number from 0 to 10,000,000.', dc)
    END
$$;

CREATE FUNCTION public.ingram_title_problem(item JSONB) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT COALESCE(
        public.ingram_text_problem(item, 'title', 1000),
        public.ingram_text_problem(item, 'author', 1000),
        public.ingram_text_problem(item, 'publisher', 500),
        public.ingram_text_problem(item, 'publication_date', 10),
        CASE WHEN public.ingram_text(item, 'publication_date') IS NOT NULL
            AND public.ingram_try_date(public.ingram_text(item, 'publication_date')) IS NULL
            THEN 'publication_date is not a date such as 2027-02-03.' END,
        public.ingram_text_problem(item, 'binding', 200),
        public.ingram_number_problem(item, 'page_count', 6, 0),
        public.ingram_number_problem(item, 'srp_price', 7, 6),
        CASE WHEN (item->>'srp_price')::numeric > 20000 THEN 'srp_price is more than $20,000, which no book costs.' END,
        public.ingram_number_problem(item, 'weight', 7, 6),
        CASE WHEN (item->>'weight')::numeric > 200 THEN 'weight is more than 200 pounds, which no book weighs.' END,
        public.ingram_text_problem(item, 'category_hint', 500),
        public.ingram_text_problem(item, 'description', 20000),
        public.ingram_text_problem(item, 'series', 500),
        public.ingram_list_problem(item, 'contributors', '{string,object}'),
        public.ingram_list_problem(item, 'bisac', '{string}'),
        public.ingram_text_problem(item, 'publisher_status', 100),
        public.ingram_list_problem(item, 'restrictions', '{string}')
    )
$$;

-- The store fetches covers and shoppers' browsers do: from the bucket alone, once a migration was told R2_PUBLIC_URL.
-- Until then from no address of an inner network: a name with a dot, and neither user nor port.
CREATE FUNCTION public.ingram_cover_place_problem(url TEXT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN url ~* '(/|%2f|%5c)(\.|%2e){1,2}([/?#]|%2f|%5c|$)' THEN 'cover_url leads upwards.'
        WHEN NOT starts_with(url, l.cover_prefix || '/')
            THEN format('cover_url is not below %s. If R2_PUBLIC_URL is another one now, run `ingram queue migrate` with it.', l.cover_prefix)
        WHEN l.cover_prefix IS NULL AND (
            url !~ '^https?://([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+([A-Za-z]{2,}|xn--[A-Za-z0-9-]+)([/?#]|$)'
            OR url ~ '^[a-z]+://[^/?#]*[0-9]+[.-][0-9]+[.-][0-9]+[.-][0-9]+'  -- a name that stands for the number in it
            OR url ~* '^[a-z]+://[^/?#]*\.(local|localhost|localdomain|internal|intranet|private|lan|home|corp|arpa)([/?#]|$)'
        ) THEN 'cover_url is at no public host. If the bucket is read there, run `ingram queue migrate` with R2_PUBLIC_URL set.'
    END
    FROM public.ingram_limits l
$$;

CREATE FUNCTION public.ingram_cover_problem(item JSONB) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN jsonb_typeof(item->'cover_url') IS DISTINCT FROM 'string'
            OR item->>'cover_url' !~ '^https?://[^[:space:][:cntrl:]<>"\\]+$' OR length(item->>'cover_url') > 2000
            THEN 'cover_url is not an http(s) address of at most 2,000 characters.'
        WHEN COALESCE(jsonb_typeof(item->'cover_sha256'), 'null') NOT IN ('null', 'string')
            OR item->>'cover_sha256' !~* '^[0-9a-f]{64}$' THEN 'cover_sha256 is not 64 hexadecimal digits.'
        ELSE public.ingram_cover_place_problem(item->>'cover_url')
    END
$$;

CREATE FUNCTION public.ingram_unread_problem(item JSONB) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN public.ingram_instant_problem(item) IS NOT NULL THEN public.ingram_instant_problem(item)
        WHEN jsonb_typeof(item->'reason') IS DISTINCT FROM 'string' OR public.ingram_text(item, 'reason') IS NULL
            THEN 'The row says no reason.'
        WHEN jsonb_typeof(item->'outcome') IS DISTINCT FROM 'string' OR public.ingram_text(item, 'outcome') IS NULL
            OR length(item->>'outcome') > 50 THEN 'The row names no outcome of at most 50 characters.'
    END
$$;

-- One row of a batch. `turn` counts the rows of one ISBN: the second is judged after the first was written, as if
-- it had come in a batch of its own.
CREATE TYPE public.ingram_given AS (ordinal INT, turn INT, isbn TEXT, item JSONB, problem TEXT);

-- The rows of a batch, numbered from 1. Those that are no JSON are named and leave the others standing.
CREATE FUNCTION public.ingram_batch(batch TEXT) RETURNS SETOF public.ingram_given LANGUAGE plpgsql STABLE AS $$
DECLARE
    is_too_large BOOLEAN := octet_length(batch) > 16000000;
    how_many INT;
    doc JSONB;
    items JSONB[];
    texts TEXT[];
BEGIN
    -- Counted first: millions of rows would take a minute to look at, in which nobody else writes.
    BEGIN
        how_many := CASE WHEN NOT is_too_large THEN json_array_length(batch::json) END;
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    IF how_many <= 10000 THEN
        doc := public.ingram_try_jsonb(batch);
        IF doc IS NOT NULL THEN
            items := ARRAY(SELECT e.value FROM jsonb_array_elements(doc) WITH ORDINALITY AS e (value, place) ORDER BY e.place);
        ELSE
            -- json, unlike jsonb, reads an escaped NUL, and so tells the row that holds one from the others.
            texts := ARRAY(
                SELECT e.value::text FROM json_array_elements(batch::json) WITH ORDINALITY AS e (value, place) ORDER BY e.place
            );
            items := ARRAY(
                SELECT public.ingram_try_jsonb(e.value) FROM unnest(texts) WITH ORDINALITY AS e (value, place) ORDER BY e.place
            );
        END IF;
    END IF;
    IF items IS NULL THEN
        RETURN QUERY SELECT 1, 1, NULL::text, NULL::jsonb,
            CASE
                WHEN is_too_large THEN 'The batch has more than 16,000,000 bytes.'
                WHEN how_many > 10000 THEN 'The batch has more than 10,000 rows.'
                ELSE 'The batch is not a JSON array.'
            END;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT
        e.place::int,
        (row_number() OVER (PARTITION BY e.isbn ORDER BY e.place))::int,
        COALESCE(left(e.isbn, 40), substring(e.spelled FROM '"isbn"\s*:\s*"([0-9A-Za-z -]{1,40})"')),
        e.item,
        CASE
            WHEN e.item IS NULL AND e.spelled ~ '\\u0000' THEN 'The row holds a NUL character.'
            WHEN e.item IS NULL THEN 'The row is not valid JSON.'
            WHEN jsonb_typeof(e.item) <> 'object' THEN 'The row is not a JSON object.'
            WHEN jsonb_typeof(e.item->'isbn') NOT IN ('null', 'string') THEN 'The ISBN is not text.'
            ELSE public.ingram_isbn_problem(e.isbn)
        END
    FROM (
        SELECT u.*, u.item->>'isbn' AS isbn FROM unnest(items, texts) WITH ORDINALITY AS u (item, spelled, place)
        OFFSET 0  -- else the ISBN is looked up anew for each of its digits
    ) e;
END
$$;

-- Holds the rows of these titles until the end of the transaction: what an importer is marking is waited for,
-- and then seen by the statements that follow.
CREATE FUNCTION public.ingram_hold(given public.ingram_given[]) RETURNS VOID LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    holders JSONB;
BEGIN
    LOOP
        BEGIN
            PERFORM FROM public.ingram_queue q
            WHERE q.isbn IN (SELECT g.isbn FROM unnest(given) g WHERE g.problem IS NULL)
            ORDER BY q.id
            FOR UPDATE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            holders := public.ingram_end_holders(holders);
        END;
    END LOOP;
END
$$;

-- What may still come in today (UTC): new titles, bytes of their text, bytes of stock history. A migration begins
-- the day anew. More for a queue that has more: the titles are counted only where the numbers for any queue may not do.
CREATE TYPE public.ingram_room AS (titles BIGINT, text BIGINT, stock BIGINT);

CREATE FUNCTION public.ingram_room_today(rows INT) RETURNS public.ingram_room LANGUAGE plpgsql AS $$
DECLARE
    today DATE := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    used public.ingram_limits;
    most public.ingram_room := ROW(500, 40000000, 100000000);
    tracked BIGINT;
BEGIN
    UPDATE public.ingram_limits l SET day = today, new_titles = 0, text_bytes = 0, stock_bytes = 0 WHERE l.day <> today;
    SELECT * INTO STRICT used FROM public.ingram_limits;
    IF used.new_titles + rows > most.titles OR used.text_bytes > most.text / 2 OR used.stock_bytes > most.stock / 2 THEN
        tracked := (SELECT count(DISTINCT q.isbn) FROM public.ingram_queue q);
        most.titles := GREATEST(most.titles, tracked / 10);
        most.text := GREATEST(most.text, tracked * 20000);
        most.stock := GREATEST(most.stock, tracked * 100000);
        -- A queue in which no stock was read yet is being filled for the first time.
        IF NOT EXISTS (SELECT FROM public.ingram_stock_history) THEN
            most.titles := GREATEST(most.titles, 20000);
        END IF;
    END IF;
    RETURN ROW(
        used.let_in + GREATEST(0, most.titles - used.new_titles), most.text - used.text_bytes, most.stock - used.stock_bytes
    )::public.ingram_room;
END
$$;

-- What is said of a row for which there is no room today. Nothing of it is kept: who sent it sends it again.
CREATE FUNCTION public.ingram_no_room(of_what TEXT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT CASE of_what
        WHEN 'titles' THEN 'It waits for a person: the queue has taken as many new titles today as it does without one. '
            || 'If they are right, run `ingram queue let-in NUMBER` (of more titles), then repeat this.'
        WHEN 'text' THEN 'The queue has taken as much text today as it does. Repeat this tomorrow; if all of it is right, '
            || 'run `ingram queue migrate`, which begins the day anew, then repeat this.'
        ELSE 'The queue has taken more changes of stock today than a shop has. See who writes to it; '
            || '`ingram queue migrate` begins the day anew.'
    END
$$;

-- The current row of an ISBN, as the view ingram_current_titles has it.
CREATE FUNCTION public.ingram_current(wanted TEXT) RETURNS SETOF public.ingram_queue LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT * FROM public.ingram_queue WHERE isbn = wanted ORDER BY (imported_at IS NULL) DESC, id DESC LIMIT 1
$$;

-- What is known of a title beside its stock and cover; nothing unknown in it.
CREATE FUNCTION public.ingram_known_details(q public.ingram_queue) RETURNS JSONB LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'title', q.title, 'author', q.author, 'publisher', q.publisher, 'publication_date', q.publication_date,
        'binding', q.binding, 'page_count', q.page_count, 'srp_price', q.srp_price, 'weight', q.weight,
        'category_hint', q.category_hint, 'description', q.description, 'series', q.series,
        'contributors', q.contributors, 'bisac', q.bisac, 'publisher_status', q.publisher_status,
        'restrictions', COALESCE(q.restrictions, '{}')
    ))
$$;

-- The same of a row that ingram_title_problem let pass.
CREATE FUNCTION public.ingram_given_details(item JSONB) RETURNS JSONB LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'title', public.ingram_text(item, 'title'),
        'author', public.ingram_text(item, 'author'),
        'publisher', public.ingram_text(item, 'publisher'),
        'publication_date', public.ingram_text(item, 'publication_date'),
        'binding', public.ingram_text(item, 'binding'),
        -- Nothing costs, weighs or counts nothing: a zero is a field that the page left open.
        'page_count', NULLIF((item->>'page_count')::int, 0),
        'srp_price', NULLIF((item->>'srp_price')::numeric(10,2), 0),
        'weight', NULLIF((item->>'weight')::numeric(10,2), 0),
        'category_hint', public.ingram_text(item, 'category_hint'),
        'description', public.ingram_text(item, 'description'),
        'series', public.ingram_text(item, 'series'),
        'contributors', NULLIF(item->'contributors', '[]'),
        'bisac', NULLIF(item->'bisac', '[]'),
        'publisher_status', public.ingram_text(item, 'publisher_status'),
        -- An empty list is known, and says that there are none.
        'restrictions', item->'restrictions'
    ))
$$;

------------------------------------------------------------------------------------------- add titles

-- {"isbn", "title", "author", …}. A field that is absent, null or empty is not known and leaves what is there; an
-- empty list of restrictions says that there are none.
-- With "fill_only": true a row only fills in what is not known yet. With "routine": true nobody asked for the title by
-- name: else it is noted when somebody did, since a product that was deleted in the store comes back then.
--
-- A title not imported yet is rewritten where it stands, under a new id: an id names one state of a title, so
-- an importer that marks the row it read does not mark details it has not seen. A title already imported gets
-- a fresh row, which carries over its stock and cover; the old one stays. Either way a failed_reason is gone,
-- since what failed was another state.
CREATE FUNCTION public.ingram_add_titles(batch TEXT)
RETURNS TABLE (ordinal INT, isbn TEXT, outcome TEXT, reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET standard_conforming_strings = on AS $$
#variable_conflict use_column
DECLARE
    stamp TIMESTAMPTZ := public.ingram_begin_write();
    given public.ingram_given[];
BEGIN
    given := ARRAY(
        SELECT ROW(b.ordinal, b.turn, b.isbn, b.item, COALESCE(b.problem, public.ingram_title_problem(b.item)))::public.ingram_given
        FROM public.ingram_batch(batch) b
    );
    PERFORM public.ingram_hold(given);
    RETURN QUERY SELECT * FROM public.ingram_add_given(given, stamp);
END
$$;

-- The same of rows that were judged and whose titles are held, for a function that does it beside its own.
CREATE FUNCTION public.ingram_add_given(given public.ingram_given[], stamp TIMESTAMPTZ)
RETURNS TABLE (ordinal INT, isbn TEXT, outcome TEXT, reason TEXT) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    this_turn INT;
    room public.ingram_room;
BEGIN
    RETURN QUERY SELECT g.ordinal, g.isbn, 'refused', g.problem FROM unnest(given) g WHERE g.problem IS NOT NULL;
    FOR this_turn IN SELECT DISTINCT g.turn FROM unnest(given) g WHERE g.problem IS NULL ORDER BY 1 LOOP
        room := public.ingram_room_today(cardinality(given));
        RETURN QUERY
        WITH known AS (
            SELECT
                g.ordinal, g.isbn AS given_isbn, COALESCE((g.item->'fill_only') = 'true', false) AS fill_only,
                COALESCE(g.item->'routine' = 'true' OR g.item->'fill_only' = 'true', false) AS is_routine, q.*,
                public.ingram_given_details(g.item) AS news,
                CASE WHEN q.id IS NULL THEN '{}' ELSE public.ingram_known_details(q) END AS before
            FROM unnest(given) g LEFT JOIN LATERAL public.ingram_current(g.isbn) q ON true
            WHERE g.turn = this_turn AND g.problem IS NULL
        ), merged AS (
            SELECT k.*, CASE WHEN k.fill_only THEN k.news || k.before ELSE k.before || k.news END AS after FROM known k
        ), wished AS (
            SELECT m.*, CASE
                WHEN m.after->>'title' IS NULL THEN 'refused'
                WHEN m.id IS NULL THEN 'added'
                WHEN m.after = m.before THEN 'unchanged'
                ELSE 'refreshed'
            END AS wish
            FROM merged m
        ), counted AS (
            SELECT w.*, count(*) FILTER (WHERE w.wish = 'added') OVER (ORDER BY w.ordinal) AS new_titles FROM wished w
        ), weighed AS (
            SELECT c.*, octet_length(c.after::text) AS bytes, COALESCE(sum(octet_length(c.after::text)) FILTER (
                WHERE c.wish = 'refreshed' OR c.wish = 'added' AND c.new_titles <= room.titles
            ) OVER (ORDER BY c.ordinal), 0) AS bytes_up_to FROM counted c
        ), judged AS (
            SELECT w.*, l.why, CASE WHEN l.why IS NULL THEN w.wish ELSE 'refused' END AS outcome
            FROM weighed w, LATERAL (SELECT CASE
                WHEN w.wish = 'refused' THEN 'A title that is not in the queue yet needs its title.'
                WHEN w.wish = 'added' AND w.new_titles > room.titles THEN public.ingram_no_room('titles')
                WHEN w.wish IN ('added', 'refreshed') AND w.bytes_up_to > room.text THEN public.ingram_no_room('text')
            END AS why) l
        ), used AS (
            UPDATE public.ingram_limits l
            SET let_in = l.let_in - LEAST(l.let_in, u.titles), text_bytes = l.text_bytes + u.bytes,
                new_titles = l.new_titles + u.titles - LEAST(l.let_in, u.titles)
            FROM (
                SELECT count(*) FILTER (WHERE j.outcome = 'added') AS titles, sum(j.bytes) AS bytes
                FROM judged j WHERE j.outcome IN ('added', 'refreshed')
            ) u
            WHERE u.bytes > 0
        ), rewritten AS (
            UPDATE public.ingram_queue q
            SET id = DEFAULT, failed_reason = NULL, title = d.title, author = d.author, publisher = d.publisher,
                publication_date = d.publication_date, binding = d.binding, page_count = d.page_count,
                srp_price = d.srp_price, weight = d.weight, category_hint = d.category_hint,
                description = d.description, series = d.series, contributors = d.contributors, bisac = d.bisac,
                publisher_status = d.publisher_status, restrictions = d.restrictions,
                wanted_at = CASE WHEN j.is_routine THEN q.wanted_at ELSE stamp END
            FROM judged j, LATERAL jsonb_populate_record(NULL::public.ingram_queue, j.after) d
            WHERE q.id = j.id AND j.outcome = 'refreshed' AND j.imported_at IS NULL
        ), asked_for AS (
            UPDATE public.ingram_queue q SET wanted_at = stamp FROM judged j
            WHERE q.id = j.id AND j.outcome = 'unchanged' AND NOT j.is_routine
        ), added AS (
            INSERT INTO public.ingram_queue (
                isbn, title, author, publisher, publication_date, binding, page_count, srp_price, weight, cover_url,
                category_hint, stock_json, stock_observed_at, stock_changed_at, stock_source, stock_complete_at,
                stock_gone, description, series, contributors, bisac, publisher_status, cover_sha256, wanted_at,
                restrictions
            )
            SELECT
                j.given_isbn, d.title, d.author, d.publisher, d.publication_date, d.binding, d.page_count, d.srp_price,
                d.weight, j.cover_url, d.category_hint, j.stock_json, j.stock_observed_at, j.stock_changed_at,
                j.stock_source, j.stock_complete_at, j.stock_gone, d.description, d.series, d.contributors, d.bisac,
                d.publisher_status, j.cover_sha256, CASE WHEN j.is_routine THEN j.wanted_at ELSE stamp END,
                d.restrictions
            FROM judged j, LATERAL jsonb_populate_record(NULL::public.ingram_queue, j.after) d
            WHERE j.outcome = 'added' OR j.outcome = 'refreshed' AND j.imported_at IS NOT NULL
            ORDER BY j.ordinal
        )
        SELECT j.ordinal, j.given_isbn, j.outcome, j.why FROM judged j;
    END LOOP;
END
$$;

----------------------------------------------------------------------------------------- record stock

-- A time that was written down, unless it lies in the future: a clock was wrong then, and anything newer overrules it.
CREATE FUNCTION public.ingram_believed(written TIMESTAMPTZ) RETURNS TIMESTAMPTZ LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN written <= statement_timestamp() + INTERVAL '5 minutes' THEN written END
$$;

-- What is known, with newer times, if a reading shows just the counts that are known and all of them were read at
-- `known_at`; else NULL. So it is for nearly every title of an hour, and takes a third of the time of a merge, which
-- comes to the same.
CREATE FUNCTION public.ingram_read_again(known JSONB, known_at TIMESTAMPTZ, reading JSONB, read_at TIMESTAMPTZ)
RETURNS JSONB LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN known_at <= read_at
        AND replace(known::text, ', "readAt": ' || to_jsonb(known_at)::text, '') = reading::text
        AND NOT known @? '$.* ? (!exists(@.readAt))'
        THEN replace(known::text, to_jsonb(known_at)::text, to_jsonb(read_at)::text)::jsonb END
$$;

-- A reading merged into what is known of its title, center by center: each count with the time of the newest reading
-- that had it. `known` has the centers that count no longer, too; `third` is the time of the third last complete
-- reading. What is no center ("total", of another program) stays as it is. `domain/readings.py` says it in Python.
--
-- For speed it is a query that becomes a part of its caller's. OFFSET 0 keeps the steps apart: else what one of them
-- finds is worked out again wherever the next ones name it.
CREATE FUNCTION public.ingram_merge_centers(
    known JSONB, known_at TIMESTAMPTZ, reading JSONB, read_at TIMESTAMPTZ, third TIMESTAMPTZ
) RETURNS TABLE (dc TEXT, center JSONB, is_gone BOOLEAN) LANGUAGE sql STABLE AS $$
    WITH centers AS (
        SELECT e.dc, known->e.dc AS known, reading->e.dc AS counts, t.usual
        FROM (SELECT to_jsonb(known_at) AS usual OFFSET 0) t, jsonb_object_keys(known || reading) AS e (dc)
        OFFSET 0
    ), on_hand AS (
        SELECT
            c.*, c.dc ~ '^[A-Z]{2}$' AS is_center, COALESCE(jsonb_typeof(c.known), 'object') = 'object' AS is_merged,
            CASE WHEN c.known->'onHand' <> 'null' THEN CASE
                WHEN c.known->'readAt' = c.usual THEN known_at
                ELSE COALESCE(public.ingram_try_instant(c.known->>'readAt'), known_at)
            END END AS on_hand_at
        FROM centers c OFFSET 0
    ), on_order AS (
        SELECT c.*, CASE WHEN c.known->'onOrder' <> 'null'
            THEN COALESCE(public.ingram_try_instant(c.known->>'orderReadAt'), c.on_hand_at, known_at) END AS on_order_at
        FROM on_hand c OFFSET 0
    ), shown AS (
        SELECT c.*, CASE WHEN c.known IS NOT NULL THEN COALESCE(
            public.ingram_try_instant(c.known->>'shownAt'), GREATEST(c.on_hand_at, c.on_order_at), known_at
        ) END AS shown_at
        FROM on_order c OFFSET 0
    ), judged AS (
        SELECT
            c.dc, c.known, c.counts, c.is_center, c.is_merged, c.on_hand_at, c.on_order_at,
            public.ingram_believed(c.shown_at) AS shown_at,
            c.counts->'onHand' <> 'null' AND (public.ingram_believed(c.on_hand_at) <= read_at) IS NOT FALSE AS has_on_hand,
            c.counts->'onOrder' <> 'null' AND (public.ingram_believed(c.on_order_at) <= read_at) IS NOT FALSE AS has_on_order
        FROM shown c OFFSET 0
    ), merged AS (
        SELECT
            c.dc, c.known, c.counts, c.is_center, c.is_merged,
            COALESCE(
                CASE WHEN (c.shown_at <= read_at) IS NOT FALSE THEN NULLIF(c.counts->'type', 'null') END,
                NULLIF(c.known->'type', 'null'), '"other"'
            ) AS type,
            CASE WHEN c.has_on_hand THEN c.counts->'onHand' ELSE COALESCE(c.known->'onHand', 'null') END AS on_hand,
            CASE WHEN c.has_on_hand THEN read_at ELSE c.on_hand_at END AS on_hand_at,
            CASE WHEN c.has_on_order THEN c.counts->'onOrder' ELSE COALESCE(c.known->'onOrder', 'null') END AS on_order,
            CASE WHEN c.has_on_order THEN read_at ELSE c.on_order_at END AS on_order_at,
            CASE WHEN c.counts IS NULL THEN c.shown_at ELSE GREATEST(c.shown_at, read_at) END AS shown_at
        FROM judged c OFFSET 0
    )
    SELECT
        c.dc,
        CASE WHEN c.is_center AND c.is_merged THEN
            COALESCE(c.known - '{orderReadAt,shownAt}'::text[], '{}')
            || jsonb_build_object('type', c.type, 'onHand', c.on_hand, 'onOrder', c.on_order, 'readAt', c.on_hand_at)
            || CASE WHEN c.on_order_at IS NULL OR c.on_order_at = c.on_hand_at THEN '{}'
                ELSE jsonb_build_object('orderReadAt', c.on_order_at) END
            || CASE WHEN c.shown_at IS NOT DISTINCT FROM GREATEST(c.on_hand_at, c.on_order_at) THEN '{}'
                ELSE jsonb_build_object('shownAt', c.shown_at) END
        ELSE COALESCE(c.counts, c.known) END,
        c.is_center AND (COALESCE(
            CASE WHEN c.is_merged THEN COALESCE(c.shown_at, GREATEST(c.on_hand_at, c.on_order_at)) END, '-infinity'
        ) < third) IS TRUE
    FROM merged c
$$;

-- {"isbn", "observed_at", "stock": {"TN": {"type", "onHand", "onOrder"}, …}, "complete", "source", "details"}.
--
-- `details` is what else the page says that can change from one hour to the next, with the fields of a title. What of
-- it is news goes in as from ingram_add_titles, before the stock: unless the reading is `stale`, since an older page
-- may say what was so before. A reading whose details are refused is recorded all the same: the answer's `details`
-- says what became of them (`refreshed`, `refused`; NULL: no news), `details_reason` why they were refused.
--
-- The reading is merged into what is known. `complete` (true if absent): every center is on it; with a count that was
-- not read it is not. What then differs from the last known counts is `first` or `changed` and goes to the history;
-- `unchanged` only moves times. A reading older than the last one is `stale` unless it tells of a center what nobody
-- knew. The answer's `merged` is what is known now: who read a page is to show what the store gets of it.
CREATE TYPE public.ingram_told AS (ordinal INT, outcome TEXT, reason TEXT);

CREATE FUNCTION public.ingram_record_stock(batch TEXT)
RETURNS TABLE (ordinal INT, isbn TEXT, outcome TEXT, reason TEXT, merged JSONB, details TEXT, details_reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET standard_conforming_strings = on AS $$
#variable_conflict use_column
DECLARE
    stamp TIMESTAMPTZ := public.ingram_begin_write();
    given public.ingram_given[] := ARRAY(
        SELECT ROW(b.ordinal, b.turn, b.isbn, b.item, COALESCE(
            b.problem,
            public.ingram_instant_problem(b.item),
            CASE WHEN jsonb_typeof(b.item->'stock') IS DISTINCT FROM 'object' THEN 'stock is not an object of distribution centers.' END,
            CASE WHEN COALESCE(jsonb_typeof(b.item->'complete'), 'boolean') <> 'boolean' THEN 'complete is neither true nor false.' END,
            public.ingram_text_problem(b.item, 'source', 50),
            CASE WHEN COALESCE(jsonb_typeof(b.item->'details'), 'object') <> 'object' THEN 'details is not an object.' END,
            CASE WHEN (SELECT count(*) FROM jsonb_object_keys(b.item->'stock')) > 100
                THEN 'stock has more than 100 distribution centers.' END,
            (SELECT min(public.ingram_dc_problem(e.dc, e.counts)) FROM jsonb_each(b.item->'stock') AS e (dc, counts)),
            CASE WHEN NOT b.item->'stock' @? '$.*.onHand ? (@.type() == "number")'
                AND NOT b.item->'stock' @? '$.*.onOrder ? (@.type() == "number")'
                THEN 'stock holds no count: a page on which none was read is recorded as unread.' END
        ))::public.ingram_given
        FROM public.ingram_batch(batch) b
    );
    this_turn INT;
    room public.ingram_room;
    news public.ingram_given[];
    told public.ingram_told[];
BEGIN
    PERFORM public.ingram_hold(given);
    RETURN QUERY SELECT g.ordinal, g.isbn, 'refused', g.problem, NULL::jsonb, NULL, NULL FROM unnest(given) g WHERE g.problem IS NOT NULL;
    FOR this_turn IN SELECT DISTINCT g.turn FROM unnest(given) g WHERE g.problem IS NULL ORDER BY 1 LOOP
        -- Nearly every page says what is known: that is found out here, and nothing else is done about it.
        news := ARRAY(
            SELECT ROW(
                g.ordinal, 1, g.isbn, g.item->'details' || '{"routine": true}', public.ingram_title_problem(g.item->'details')
            )::public.ingram_given
            FROM unnest(given) g CROSS JOIN LATERAL public.ingram_current(g.isbn) q, LATERAL (SELECT jsonb_build_object(
                'publication_date', q.publication_date, 'srp_price', q.srp_price::text,
                'publisher_status', q.publisher_status, 'restrictions', COALESCE(q.restrictions, '{}')
            ) AS known OFFSET 0) k
            WHERE g.turn = this_turn AND g.problem IS NULL AND k.known || (g.item->'details') <> k.known
                AND NOT COALESCE(public.ingram_is_older((g.item->>'observed_at')::timestamptz, q.stock_observed_at), false)
        );
        told := ARRAY(
            SELECT ROW(t.ordinal, t.outcome, t.reason)::public.ingram_told
            FROM public.ingram_add_given(news, stamp) t WHERE t.outcome <> 'unchanged'
        );
        room := public.ingram_room_today(0);
        RETURN QUERY
        WITH readings AS (
            SELECT
                g.ordinal, g.isbn, (g.item->>'observed_at')::timestamptz AS observed_at, g.item->'stock' AS reading,
                COALESCE(public.ingram_text(g.item, 'source'), 'ipage') AS source,
                COALESCE(g.item->'complete' <> 'false', true)
                    AND NOT g.item->'stock' @? '$.* ? (!(@.onHand != null) || !(@.onOrder != null))' AS is_complete
            FROM unnest(given) g WHERE g.turn = this_turn AND g.problem IS NULL
        ), known AS (
            SELECT
                r.*, q.id, public.ingram_believed(q.stock_observed_at) AS last_observed_at, q.stock_gone AS gone_before,
                CASE WHEN jsonb_typeof(q.stock_json) = 'object' THEN NULLIF(q.stock_json, '{}') END AS stock_before,
                -- A row that another program wrote is taken at its word.
                COALESCE(q.stock_complete_at, array_remove(ARRAY[public.ingram_believed(q.stock_observed_at)], NULL))
                    AS completed_before
            FROM readings r LEFT JOIN LATERAL public.ingram_current(r.isbn) q ON true
            OFFSET 0
        ), timed AS (
            SELECT
                k.*, COALESCE(k.gone_before, '{}') || COALESCE(k.stock_before, '{}') AS centers_before,
                CASE WHEN k.gone_before IS NULL
                    THEN public.ingram_read_again(k.stock_before, k.last_observed_at, k.reading, k.observed_at) END AS again,
                ARRAY(
                    SELECT DISTINCT public.ingram_believed(t.at)
                    FROM unnest(k.completed_before || CASE WHEN k.is_complete THEN ARRAY[k.observed_at] ELSE '{}' END) t (at)
                    WHERE public.ingram_believed(t.at) IS NOT NULL
                    ORDER BY 1 DESC LIMIT 3
                ) AS completed
            FROM known k OFFSET 0
        ), wished AS (
            SELECT
                t.ordinal, t.isbn, t.observed_at, t.source, t.id, t.last_observed_at, t.completed, m.stock, m.gone,
                CASE
                    WHEN t.id IS NULL THEN 'untracked'
                    WHEN t.stock_before IS NULL AND t.gone_before IS NULL THEN 'first'
                    -- News for the store: another count, a center that came or went, or the first complete reading,
                    -- before which zeros say nothing.
                    WHEN m.has_moved OR (cardinality(t.completed_before) = 0) <> (cardinality(t.completed) = 0) THEN 'changed'
                    WHEN t.observed_at < t.last_observed_at THEN 'stale'
                    ELSE 'unchanged'
                END AS wish
            FROM timed t CROSS JOIN LATERAL (
                SELECT t.again AS stock, NULL::jsonb AS gone, false AS has_moved WHERE t.again IS NOT NULL
                UNION ALL
                SELECT
                    jsonb_object_agg(c.dc, c.center) FILTER (WHERE NOT c.is_gone),
                    jsonb_object_agg(c.dc, c.center) FILTER (WHERE c.is_gone),
                    bool_or(CASE WHEN c.is_gone OR COALESCE(NOT t.stock_before ? c.dc, true)
                        THEN c.is_gone = COALESCE(t.stock_before ? c.dc, false)
                        ELSE c.center->'onHand' IS DISTINCT FROM t.stock_before->c.dc->'onHand'
                            OR c.center->'onOrder' IS DISTINCT FROM t.stock_before->c.dc->'onOrder' END)
                FROM public.ingram_merge_centers(
                    t.centers_before, t.last_observed_at, t.reading, t.observed_at, t.completed[3]
                ) c
                HAVING t.again IS NULL
            ) m
            OFFSET 0
        ), weighed AS (
            SELECT w.*, CASE WHEN w.wish IN ('first', 'changed') THEN octet_length(COALESCE(w.stock, '{}')::text) END AS bytes
            FROM wished w OFFSET 0
        ), judged AS MATERIALIZED (
            SELECT w.*, CASE WHEN w.wish NOT IN ('first', 'changed') OR sum(w.bytes) FILTER (
                WHERE w.wish IN ('first', 'changed')
            ) OVER (ORDER BY w.ordinal) <= room.stock THEN w.wish ELSE 'refused' END AS outcome
            FROM weighed w
        ), used AS (
            UPDATE public.ingram_limits l SET stock_bytes = l.stock_bytes + u.bytes
            FROM (SELECT sum(j.bytes) AS bytes FROM judged j WHERE j.outcome IN ('first', 'changed')) u
            WHERE u.bytes > 0
        ), written AS (
            UPDATE public.ingram_queue q
            SET stock_json = j.stock, stock_gone = j.gone, stock_complete_at = j.completed,
                stock_source = CASE WHEN j.observed_at < j.last_observed_at THEN q.stock_source ELSE j.source END,
                stock_observed_at = GREATEST(j.observed_at, j.last_observed_at),
                stock_changed_at = CASE WHEN j.outcome IN ('first', 'changed') THEN stamp ELSE q.stock_changed_at END
            FROM judged j
            WHERE q.id = j.id AND j.outcome <> 'refused'
        ), history AS (
            INSERT INTO public.ingram_stock_history (isbn, stock_observed_at, stock_changed_at, stock_json, stock_source)
            SELECT j.isbn, j.observed_at, stamp, COALESCE(j.stock, '{}'), j.source FROM judged j
            WHERE j.outcome IN ('first', 'changed')
            ORDER BY j.ordinal
        ), read_again AS (
            DELETE FROM public.ingram_unread u USING judged j
            WHERE u.isbn = j.isbn AND NOT public.ingram_is_older(j.observed_at, u.observed_at)
                AND j.outcome IN ('first', 'changed', 'unchanged')
        )
        SELECT
            j.ordinal, j.isbn, j.outcome, CASE WHEN j.outcome = 'refused' THEN public.ingram_no_room('stock') END,
            CASE WHEN j.id IS NOT NULL AND j.outcome <> 'refused' THEN
                jsonb_build_object('stock', j.stock, 'gone', j.gone, 'completed', to_jsonb(j.completed))
            END,
            t.outcome, t.reason
        FROM judged j LEFT JOIN unnest(told) t ON t.ordinal = j.ordinal;
    END LOOP;
END
$$;

--------------------------------------------------------------------------------------- record covers

-- {"isbn", "cover_url", "cover_sha256"?}. A cover is another one if its address or its bytes are; the store has
-- to fetch it again, so a title already imported gets a fresh row, as for its details.
CREATE FUNCTION public.ingram_record_covers(batch TEXT)
RETURNS TABLE (ordinal INT, isbn TEXT, outcome TEXT, reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET standard_conforming_strings = on AS $$
#variable_conflict use_column
DECLARE
    given public.ingram_given[];
    this_turn INT;
    room public.ingram_room;
BEGIN
    PERFORM public.ingram_begin_write();
    given := ARRAY(
        SELECT ROW(b.ordinal, b.turn, b.isbn, b.item, COALESCE(b.problem, public.ingram_cover_problem(b.item)))::public.ingram_given
        FROM public.ingram_batch(batch) b
    );
    PERFORM public.ingram_hold(given);
    RETURN QUERY SELECT g.ordinal, g.isbn, 'refused', g.problem FROM unnest(given) g WHERE g.problem IS NOT NULL;
    FOR this_turn IN SELECT DISTINCT g.turn FROM unnest(given) g WHERE g.problem IS NULL ORDER BY 1 LOOP
        room := public.ingram_room_today(0);
        RETURN QUERY
        WITH covers AS (
            SELECT g.ordinal, g.isbn, g.item->>'cover_url' AS url, lower(g.item->>'cover_sha256') AS sha256
            FROM unnest(given) g WHERE g.turn = this_turn AND g.problem IS NULL
        ), wished AS (
            SELECT
                c.ordinal, c.isbn AS given_isbn, c.url, q.*,
                -- Of another picture at the same address, the old picture's digest is none.
                COALESCE(c.sha256, CASE WHEN c.url = q.cover_url THEN q.cover_sha256 END) AS sha256,
                CASE
                    WHEN q.id IS NULL THEN 'untracked'
                    WHEN c.url IS DISTINCT FROM q.cover_url OR c.sha256 <> q.cover_sha256 THEN 'changed'
                    ELSE 'unchanged'
                END AS wish,
                -- A title that was imported gets a row with all its text.
                length(c.url) + CASE WHEN q.imported_at IS NULL THEN 0
                    ELSE octet_length(public.ingram_known_details(q)::text) END AS bytes
            FROM covers c LEFT JOIN LATERAL public.ingram_current(c.isbn) q ON true
        ), judged AS (
            SELECT w.*, CASE WHEN w.wish <> 'changed' OR sum(w.bytes) FILTER (
                WHERE w.wish = 'changed'
            ) OVER (ORDER BY w.ordinal) <= room.text THEN w.wish ELSE 'refused' END AS outcome
            FROM wished w
        ), used AS (
            UPDATE public.ingram_limits l SET text_bytes = l.text_bytes + u.bytes
            FROM (SELECT sum(j.bytes) AS bytes FROM judged j WHERE j.outcome = 'changed') u
            WHERE u.bytes > 0
        ), rewritten AS (
            UPDATE public.ingram_queue q
            SET id = CASE WHEN j.outcome = 'changed' THEN nextval(pg_get_serial_sequence('public.ingram_queue', 'id')) ELSE q.id END,
                failed_reason = CASE WHEN j.outcome = 'changed' THEN NULL ELSE q.failed_reason END,
                cover_url = j.url, cover_sha256 = j.sha256
            FROM judged j
            WHERE q.id = j.id AND (
                j.outcome = 'changed' AND j.imported_at IS NULL
                OR j.outcome = 'unchanged' AND j.sha256 IS DISTINCT FROM q.cover_sha256  -- now known
            )
        ), added AS (
            INSERT INTO public.ingram_queue (
                isbn, title, author, publisher, publication_date, binding, page_count, srp_price, weight, cover_url,
                category_hint, stock_json, stock_observed_at, stock_changed_at, stock_source, stock_complete_at,
                stock_gone, description, series, contributors, bisac, publisher_status, cover_sha256, wanted_at,
                restrictions
            )
            SELECT
                j.isbn, j.title, j.author, j.publisher, j.publication_date, j.binding, j.page_count, j.srp_price,
                j.weight, j.url, j.category_hint, j.stock_json, j.stock_observed_at, j.stock_changed_at,
                j.stock_source, j.stock_complete_at, j.stock_gone, j.description, j.series, j.contributors, j.bisac,
                j.publisher_status, j.sha256, j.wanted_at, j.restrictions
            FROM judged j
            WHERE j.outcome = 'changed' AND j.imported_at IS NOT NULL
            ORDER BY j.ordinal
        )
        SELECT j.ordinal, j.given_isbn, j.outcome, CASE WHEN j.outcome = 'refused' THEN public.ingram_no_room('text') END
        FROM judged j;
    END LOOP;
END
$$;

--------------------------------------------------------------------------------------- record unread

-- {"isbn", "outcome", "reason", "observed_at"}: a page that gave no stock. `recorded`; `stale` if the title was
-- read since, or failed since; `untracked`. Stock stays as last known.
CREATE FUNCTION public.ingram_record_unread(batch TEXT)
RETURNS TABLE (ordinal INT, isbn TEXT, outcome TEXT, reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET standard_conforming_strings = on AS $$
#variable_conflict use_column
DECLARE
    given public.ingram_given[];
    this_turn INT;
BEGIN
    PERFORM public.ingram_begin_write();
    given := ARRAY(
        SELECT ROW(b.ordinal, b.turn, b.isbn, b.item, COALESCE(b.problem, public.ingram_unread_problem(b.item)))::public.ingram_given
        FROM public.ingram_batch(batch) b
    );
    RETURN QUERY SELECT g.ordinal, g.isbn, 'refused', g.problem FROM unnest(given) g WHERE g.problem IS NOT NULL;
    FOR this_turn IN SELECT DISTINCT g.turn FROM unnest(given) g WHERE g.problem IS NULL ORDER BY 1 LOOP
        RETURN QUERY
        WITH judged AS (
            SELECT
                g.ordinal, g.isbn, r.*,
                CASE
                    WHEN q.id IS NULL THEN 'untracked'
                    WHEN public.ingram_is_older(r.observed_at, q.stock_observed_at)
                        OR public.ingram_is_older(r.observed_at, u.observed_at) THEN 'stale'
                    ELSE 'recorded'
                END AS outcome
            FROM unnest(given) g
            CROSS JOIN LATERAL (
                SELECT
                    (g.item->>'observed_at')::timestamptz AS observed_at,
                    public.ingram_text(g.item, 'outcome') AS kind,
                    left(public.ingram_text(g.item, 'reason'), 2000) AS why
            ) r
            LEFT JOIN LATERAL public.ingram_current(g.isbn) q ON true
            LEFT JOIN public.ingram_unread u ON u.isbn = g.isbn
            WHERE g.turn = this_turn AND g.problem IS NULL
        ), written AS (
            INSERT INTO public.ingram_unread AS u (isbn, outcome, reason, observed_at, unread_since, attempts)
            SELECT j.isbn, j.kind, j.why, j.observed_at, j.observed_at, 1 FROM judged j WHERE j.outcome = 'recorded'
            ON CONFLICT (isbn) DO UPDATE
            SET outcome = excluded.outcome, reason = excluded.reason, observed_at = excluded.observed_at,
                -- The same attempt told twice is one.
                attempts = u.attempts + (excluded.observed_at <> u.observed_at)::int
        )
        SELECT j.ordinal, j.isbn, j.outcome, NULL::text FROM judged j;
    END LOOP;
END
$$;

------------------------------------------------------------------------------------------------ prune

-- Deletes history older than this many days but for each title's last entry of a day (UTC), at most 20,000 entries
-- a call; how many went. The writer may call it, since neither the reader nor anybody else of the programs may
-- delete: it lets nothing be read, and what a thief could thin out this way is over a month old.
CREATE FUNCTION public.ingram_prune_history(older_than_days INT) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET standard_conforming_strings = on AS $$
DECLARE
    pruned BIGINT;
BEGIN
    IF older_than_days IS NULL OR older_than_days < 30 THEN
        RAISE EXCEPTION 'History is kept whole for 30 days at least.' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM public.ingram_stock_history h
    USING (
        SELECT k.id
        FROM public.ingram_stock_history k JOIN (
            SELECT
                e.id,
                row_number() OVER (PARTITION BY e.isbn, e.stock_observed_at::date ORDER BY e.stock_observed_at DESC, e.id DESC) AS place
            FROM public.ingram_stock_history e
            WHERE e.stock_observed_at < now() - make_interval(days => older_than_days)
        ) o ON o.id = k.id AND o.place > 1
        LIMIT 20000
        FOR UPDATE OF k SKIP LOCKED  -- what another call is deleting, perhaps one that never ends
    ) old
    WHERE h.id = old.id;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;
