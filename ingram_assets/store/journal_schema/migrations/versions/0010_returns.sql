-- What came back since RETURNS_TO is set. Whether it was moved says the ledger, by the key of the operation.
CREATE TABLE store_return (
    -- Medusa's ids of what was received at once, of the inventory item, of the order's line.
    received_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    line_id TEXT NOT NULL,
    copies BIGINT NOT NULL,
    order_number BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    -- As the order's line has it; "": it has none.
    isbn TEXT NOT NULL,
    PRIMARY KEY (received_id, item_id)
);
CREATE INDEX store_return_item ON store_return (item_id);

-- Since when returns are looked for, and those of which orders were seen: one row, none where RETURNS_TO is not set.
CREATE TABLE store_returns_followed (
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    since TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    seen_until TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX inventory_ledger_returns ON inventory_ledger (idempotency_key) WHERE actor_name = 'returns';
