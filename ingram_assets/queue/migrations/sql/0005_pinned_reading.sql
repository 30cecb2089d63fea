-- The write functions are read under the caller's settings. With this one off, a backslash in their own text means
-- something else: the rules by which a row is refused would be others.

ALTER FUNCTION public.ingram_add_titles(text) SET standard_conforming_strings = on;
ALTER FUNCTION public.ingram_record_stock(text) SET standard_conforming_strings = on;
ALTER FUNCTION public.ingram_record_covers(text) SET standard_conforming_strings = on;
ALTER FUNCTION public.ingram_record_unread(text) SET standard_conforming_strings = on;
ALTER FUNCTION public.ingram_prune_history(integer) SET standard_conforming_strings = on;
