-- Every function and composite type of ours, of whatever version: the other files make them anew. What a trigger runs
-- stays: its trigger would go with it, and for that the table would be locked at every migration.

DO $$
DECLARE
    ours TEXT;
BEGIN
    FOR ours IN
        SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE (n.nspname = 'public' AND p.proname LIKE 'ingram\_%' OR n.nspname = 'scraper')
            AND p.prorettype <> 'trigger'::regtype
    LOOP
        EXECUTE 'DROP FUNCTION ' || ours || ' CASCADE';
    END LOOP;
    FOR ours IN
        SELECT t.oid::regtype::text FROM pg_catalog.pg_type t JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
        WHERE t.typnamespace = 'public'::regnamespace AND c.relkind = 'c' AND t.typname LIKE 'ingram\_%'
    LOOP
        EXECUTE 'DROP TYPE ' || ours;
    END LOOP;
END
$$;
