-- Every change of an entry's copies, and of what is held of them. Lines are added and closed, nothing else.
CREATE TABLE inventory_ledger (
    id BIGSERIAL PRIMARY KEY,
    operation_id UUID NOT NULL,
    isbn TEXT NOT NULL,
    item_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    quantity_before BIGINT NOT NULL,
    quantity_after BIGINT NOT NULL,
    reserved_before BIGINT NOT NULL,
    reserved_after BIGINT NOT NULL,
    delta BIGINT NOT NULL,
    reason TEXT,
    note TEXT,
    reference TEXT,
    idempotency_key TEXT,
    -- What an order did, by Medusa's id: it is entered once.
    effect TEXT,
    -- The operation that this one undoes. Each is undone once.
    undoes UUID,
    -- What is written to Medusa, in order: who finds the line pending can finish it.
    steps JSONB NOT NULL DEFAULT '[]',
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'taken_back')),
    detail TEXT,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    closed_at TIMESTAMPTZ,
    CHECK (delta = quantity_after - quantity_before)
);
CREATE INDEX inventory_ledger_entry ON inventory_ledger (item_id, location_id, id)
    INCLUDE (delta) WHERE state = 'done';
CREATE INDEX inventory_ledger_isbn ON inventory_ledger (isbn, id);
CREATE INDEX inventory_ledger_pending ON inventory_ledger (item_id, location_id) WHERE state = 'pending';
CREATE INDEX inventory_ledger_operation ON inventory_ledger (operation_id);
CREATE UNIQUE INDEX inventory_ledger_effect ON inventory_ledger (item_id, location_id, effect);
CREATE UNIQUE INDEX inventory_ledger_undone ON inventory_ledger (undoes, item_id, location_id)
    WHERE state <> 'taken_back';

CREATE FUNCTION inventory_ledger_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'pending' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A line of the inventory ledger that is closed stands: add another one.';
END
$$;
CREATE TRIGGER inventory_ledger_stands BEFORE UPDATE OR DELETE ON inventory_ledger
    FOR EACH ROW EXECUTE FUNCTION inventory_ledger_stands();

-- The first answer to each request, for whoever asks again with the same key.
CREATE TABLE inventory_key (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    operation_id UUID NOT NULL,
    -- NULL: the request is not finished.
    answer JSONB,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX inventory_key_operation ON inventory_key (operation_id);

CREATE TABLE inventory_reservation (
    reservation_id TEXT PRIMARY KEY,
    operation_id UUID NOT NULL,
    isbn TEXT NOT NULL,
    item_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    owner TEXT,
    reference TEXT,
    expires_at TIMESTAMPTZ,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    ended_at TIMESTAMPTZ
);
CREATE INDEX inventory_reservation_expiry ON inventory_reservation (expires_at) WHERE ended_at IS NULL;

-- What is known of each entry in the ledger beside its lines.
CREATE TABLE inventory_entry (
    item_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    isbn TEXT NOT NULL,
    -- When its first line was entered, when orders were last asked about, and since when our last level waits for a second look.
    opened_at TIMESTAMPTZ NOT NULL,
    scanned_at TIMESTAMPTZ NOT NULL,
    written_at TIMESTAMPTZ,
    unseen_since TIMESTAMPTZ,
    PRIMARY KEY (item_id, location_id)
);
CREATE INDEX inventory_entry_unseen ON inventory_entry (unseen_since) WHERE unseen_since IS NOT NULL;
