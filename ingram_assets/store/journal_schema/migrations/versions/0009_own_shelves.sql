-- Lines by when they were done, for who carries what changed to the store.
CREATE INDEX inventory_ledger_done ON inventory_ledger (coalesce(closed_at, at)) WHERE state = 'done';

-- What shoppers were told of a title last.
ALTER TABLE store_in_step ADD COLUMN status TEXT;
ALTER TABLE store_in_step ADD COLUMN label TEXT;
