"""What the merge of readings in the queue (`ingram_merge_centers`) has to do. Tests hold the two alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ingram_assets.domain.readings import CLOCKS_DIFFER, COMPLETE_READINGS_KEPT, Center, KnownStock
from ingram_assets.domain.stock import DcStock, Stock


@dataclass(frozen=True, slots=True)
class StockReading:
    """What one source said of one title at one moment.

    Attributes:
        source: "ipage" for the title's page.
        read_at: when it was asked for: the stock is not younger than this. With a time zone.
        complete: whether every center that holds copies would be on it.
        counts: DC to its counts; a count that was not read is `None`.
    """

    isbn: str
    source: str
    read_at: datetime
    complete: bool
    counts: Stock


def merge(known: KnownStock, reading: StockReading, *, now: datetime | None = None) -> KnownStock:
    """What is known with one reading more.

    The newest count of each center wins; of two as old, the one merged last. Merging a reading twice changes
    nothing. A reading with a count that was not read is not complete, whatever it says of itself.

    Args:
        now: what is known of a time well after this is overruled: a clock was wrong. `None`: nothing is.
    """

    def is_newer(than: datetime | None) -> bool:
        return than is None or reading.read_at >= than or (now is not None and than > now + CLOCKS_DIFFER)

    centers = dict(known.centers)
    for dc, given in reading.counts.items():
        counts = DcStock(*given)
        new = Center(DcStock(None, None, counts.role), None, None, reading.read_at)
        before = centers.get(dc, new)
        takes_hand = counts.on_hand is not None and is_newer(before.on_hand_at)
        takes_order = counts.on_order is not None and is_newer(before.on_order_at)
        is_last = is_newer(before.shown_at)
        centers[dc] = Center(
            DcStock(
                counts.on_hand if takes_hand else before.counts.on_hand,
                counts.on_order if takes_order else before.counts.on_order,
                counts.role if is_last else before.counts.role,
            ),
            reading.read_at if takes_hand else before.on_hand_at,
            reading.read_at if takes_order else before.on_order_at,
            reading.read_at if is_last else before.shown_at,
        )
    completed = {at for at in known.completed if now is None or at <= now + CLOCKS_DIFFER}
    if is_complete(reading):
        completed.add(reading.read_at)
    return KnownStock(centers, tuple(sorted(completed, reverse=True)[:COMPLETE_READINGS_KEPT]))


def is_complete(reading: StockReading) -> bool:
    """Whether a reading shows every center, each with its counts."""
    return reading.complete and all(
        count is not None for counts in reading.counts.values() for count in counts[:2]
    )


def merge_all(readings: Iterable[StockReading]) -> KnownStock:
    """What several readings of one title say together, in whatever order they come."""
    known = KnownStock()
    for reading in readings:
        known = merge(known, reading)
    return known
