-- When an undo put back what the store had of a title before, and no push has come since.
ALTER TABLE store_in_step ADD COLUMN undone_at TIMESTAMPTZ;
