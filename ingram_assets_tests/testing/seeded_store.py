"""SQL that sets Medusa's database back to how it was seeded."""

KEEP_THE_SEEDED_STORE = """
DO $$ DECLARE t text; BEGIN
    CREATE SCHEMA seeded;
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE seeded.%1$I AS TABLE public.%1$I', t);
    END LOOP;
END $$
"""

# In replica mode no trigger runs, so neither foreign keys nor the order of the tables matter.
BACK_TO_THE_SEEDED_STORE = """
DO $$ DECLARE t text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'seeded' LOOP
        EXECUTE format('DELETE FROM public.%1$I', t);
        EXECUTE format('INSERT INTO public.%1$I TABLE seeded.%1$I', t);
    END LOOP;
END $$
"""
