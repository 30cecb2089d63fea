-- An earlier program may have made this table: then its rows stand, and none is added.

DO $$
BEGIN
    IF to_regclass('store_in_step') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE store_in_step (
        isbn TEXT PRIMARY KEY,
        row_id INT NOT NULL,
        stock_changed_at TIMESTAMPTZ,
        valid_until TIMESTAMPTZ,
        pushed_at TIMESTAMPTZ,
        aged TEXT NOT NULL DEFAULT ''
    );
    -- Titles that were written before this table was: they are held to nothing, until the next push of each.
    INSERT INTO store_in_step (isbn, row_id, stock_changed_at)
    SELECT DISTINCT isbn, 0, now() FROM store_change WHERE isbn IS NOT NULL AND outcome = 'written';
END
$$;
