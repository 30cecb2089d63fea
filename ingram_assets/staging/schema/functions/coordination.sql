-- What runs of the scraper ask of each other, each one round trip. They run with the rights of who calls them: the
-- writer role's. Times are this server's. Locks are advisory ones of the session: they vanish with its connection.

CREATE FUNCTION scraper.lock_key(called TEXT) RETURNS BIGINT LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog AS $$
    SELECT hashtextextended('ingram scraper: ' || called, 0)
$$;

-- Takes the next start; the seconds until it. Who was held up may make up for two starts, and no more: jitter costs no
-- pages. After two minutes in which nothing was asked, what was is no guide any more; nor is a lower limit of other runs
-- that none of them was asked for in that time.
CREATE FUNCTION scraper.reserve(
    of_site TEXT, in_flight INT, least_gap DOUBLE PRECISION, most_gap DOUBLE PRECISION
)
RETURNS DOUBLE PRECISION LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    at TIMESTAMPTZ;
    was scraper.pace;
    starts TIMESTAMPTZ;
BEGIN
    INSERT INTO scraper.pace VALUES (of_site, '-infinity', '-infinity', least_gap) ON CONFLICT DO NOTHING;
    SELECT * INTO was FROM scraper.pace WHERE site = of_site FOR UPDATE;
    at := clock_timestamp();
    IF was.started < at - INTERVAL '2 minutes' OR was.started > at + INTERVAL '2 minutes' THEN
        was.due := at;
        was.started := '-infinity';
        was.gap := least_gap;
    END IF;
    was.gap := LEAST(GREATEST(was.gap, least_gap), most_gap);
    was.due := GREATEST(was.due, at - make_interval(secs => 2 * was.gap));
    starts := GREATEST(at, was.due, was.started + make_interval(secs => least_gap));
    IF in_flight <= was.fewest OR was.fewest_at < at - INTERVAL '2 minutes' THEN
        was.fewest := in_flight;
        was.fewest_at := at;
    END IF;
    UPDATE scraper.pace
    SET due = was.due + make_interval(secs => was.gap * (0.5 + random())), started = starts, gap = was.gap,
        fewest = was.fewest, fewest_at = was.fewest_at
    WHERE site = of_site;
    RETURN extract(epoch FROM starts - at);
END
$$;

-- A slot for one request, and when it may be sent. No slot (NULL): the site is left alone, or others have them all.
-- "mine" are the slots that this session has already, since it would get a lock of its own once more; "is_waiting":
-- it said that it waits (scraper.begin_waiting). Others then queue up behind it, so that a long run does not take
-- each slot again that it has just given back. Until the site has answered well after a block, there is one slot.
-- "in_flight" is the caller's own limit, and the lowest of all runs' counts; "at_most", which is less in a slow start,
-- is for this turn alone.
CREATE FUNCTION scraper.take_turn(
    of_site TEXT, at_most INT, in_flight INT, mine INT[], is_waiting BOOLEAN,
    least_gap DOUBLE PRECISION, most_gap DOUBLE PRECISION,
    OUT slot INT, OUT wait DOUBLE PRECISION, OUT at TIMESTAMPTZ, OUT breaker scraper.breakers
) LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    queue BIGINT := scraper.lock_key(of_site || '/waiting');
    slots INT;
BEGIN
    SELECT * INTO breaker FROM scraper.breakers b WHERE b.site = of_site;
    at := clock_timestamp();
    IF breaker.open_until > at THEN
        RETURN;
    END IF;
    IF NOT is_waiting THEN
        IF NOT pg_try_advisory_lock(queue) THEN
            RETURN;
        END IF;
        PERFORM pg_advisory_unlock(queue);
    END IF;
    SELECT min(p.fewest) INTO slots FROM scraper.pace p
    WHERE p.site = of_site AND p.fewest_at >= at - INTERVAL '2 minutes';
    slots := CASE WHEN breaker.proven IS FALSE THEN 1 ELSE LEAST(at_most, slots) END;
    FOR number IN 1 .. slots LOOP
        IF number <> ALL (mine) AND pg_try_advisory_lock(scraper.lock_key(of_site || '/slot/' || number)) THEN
            slot := number;
            wait := scraper.reserve(of_site, in_flight, least_gap, most_gap);
            RETURN;
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION scraper.begin_waiting(of_site TEXT) RETURNS VOID LANGUAGE sql SET search_path = pg_catalog AS $$
    SELECT pg_advisory_lock_shared(scraper.lock_key(of_site || '/waiting'))
$$;

CREATE FUNCTION scraper.end_waiting(of_site TEXT) RETURNS VOID LANGUAGE sql SET search_path = pg_catalog AS $$
    SELECT pg_advisory_unlock_shared(scraper.lock_key(of_site || '/waiting'))
$$;

-- An answer came. The gap goes half-way to the one that keeps so many requests in flight, a little less, since jitter
-- would leave slots empty otherwise: Scrapy's AutoThrottle. What is no page, often quick, can only slow down. A
-- request that was sent after a pause and answered ends it for all.
CREATE FUNCTION scraper.settle(
    of_site TEXT, latency DOUBLE PRECISION, is_answered BOOLEAN, sent_at TIMESTAMPTZ, in_flight INT,
    least_gap DOUBLE PRECISION, most_gap DOUBLE PRECISION
) RETURNS VOID LANGUAGE sql SET search_path = pg_catalog AS $$
    UPDATE scraper.pace p
    SET gap = LEAST(GREATEST(
        CASE WHEN is_answered THEN w.wanted ELSE GREATEST(p.gap, w.wanted) END, least_gap
    ), most_gap)
    FROM (SELECT site, (gap + latency / (1.25 * in_flight)) / 2 AS wanted FROM scraper.pace) w
    WHERE p.site = of_site AND w.site = of_site;
    UPDATE scraper.breakers SET proven = TRUE
    WHERE is_answered AND site = of_site AND NOT proven AND sent_at >= open_until;
$$;

-- One more page was read well in this session; how many that makes. Sessions that nobody counted in for a day go.
CREATE FUNCTION scraper.count_page(of_site TEXT, in_session TEXT) RETURNS INT LANGUAGE sql
SET search_path = pg_catalog AS $$
    DELETE FROM scraper.slow_starts WHERE counted_at < clock_timestamp() - INTERVAL '1 day';
    INSERT INTO scraper.slow_starts AS s (site, session, pages) VALUES (of_site, in_session, 1)
    ON CONFLICT (site, session) DO UPDATE SET pages = s.pages + 1, counted_at = clock_timestamp()
    RETURNING pages
$$;

-- Keeps a page, in place of an earlier one of the same run and title, and lets go of the oldest.
CREATE FUNCTION scraper.keep_page(of_run TEXT, of_isbn TEXT, packed BYTEA, most INT) RETURNS VOID LANGUAGE sql
SET search_path = pg_catalog AS $$
    INSERT INTO scraper.kept_pages (run_id, isbn, page) VALUES (of_run, of_isbn, packed)
    ON CONFLICT (run_id, isbn) DO UPDATE SET page = excluded.page, kept_at = clock_timestamp();
    DELETE FROM scraper.kept_pages k USING (
        SELECT run_id, isbn FROM scraper.kept_pages ORDER BY kept_at DESC, run_id, isbn OFFSET most
    ) old WHERE (k.run_id, k.isbn) = (old.run_id, old.isbn);
$$;

-- Counts a look-up at Open Library, if of the last "span" fewer than "most" are counted: NULL, else the seconds until
-- one more may be made.
CREATE FUNCTION scraper.count_lookup(most INT, span INTERVAL) RETURNS DOUBLE PRECISION LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
DECLARE
    now TIMESTAMPTZ;
    counted INT;
    oldest TIMESTAMPTZ;
BEGIN
    PERFORM pg_advisory_xact_lock(scraper.lock_key('open library'));
    now := clock_timestamp();
    DELETE FROM scraper.open_library_lookups WHERE at <= now - span;
    -- A clock that was set back must not block us for as long as it was ahead.
    UPDATE scraper.open_library_lookups SET at = now WHERE at > now;
    SELECT count(*), min(at) INTO counted, oldest FROM scraper.open_library_lookups;
    IF counted >= most THEN
        RETURN extract(epoch FROM oldest + span - now);
    END IF;
    INSERT INTO scraper.open_library_lookups VALUES (now);
    RETURN NULL;
END
$$;

-- Open Library says itself that its limit is reached: somebody else behind our address may have used it up.
CREATE FUNCTION scraper.use_up_lookups(most INT) RETURNS VOID LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(scraper.lock_key('open library'));
    INSERT INTO scraper.open_library_lookups
    SELECT clock_timestamp() FROM generate_series(1, most - (SELECT count(*) FROM scraper.open_library_lookups));
END
$$;

-- How many requests all runs have in flight, on all machines. For who watches over the shop: it is the reader's, who may
-- see nothing else of what runs share, and tells a number alone. At most 32 go to a site (IPAGE_CONCURRENCY).
CREATE FUNCTION public.ingram_requests_in_flight() RETURNS BIGINT LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET standard_conforming_strings = on AS $$
    SELECT count(*) FROM pg_locks l JOIN (
        SELECT scraper.lock_key(p.site || '/slot/' || number) AS key
        FROM scraper.pace p, generate_series(1, 32) number
    ) slot ON (l.classid::BIGINT << 32) | l.objid::BIGINT = slot.key
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
$$;
