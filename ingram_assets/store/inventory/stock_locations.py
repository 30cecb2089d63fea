"""What a person or program calls a location, and which one that is. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ingram_assets.domain.ownership import code_of
from ingram_assets.store.inventory.model import OperationRefused, Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class StockLocation:
    """A stock location. `name` is Medusa's."""

    id: str
    name: str

    @property
    def code(self) -> str:
        """What programs call it: `INGRAM_DROP_SHIP`."""
        return code_of(self.name)


def find_place(places: Sequence[StockLocation], called: str) -> StockLocation:
    """The location of this id, or of this name in any case, with blanks, signs or underscores in it.

    Raises:
        OperationRefused: there is none, and the message has the nearest; or several.
    """
    called = called.strip()
    if exact := [each for each in places if each.id == called]:
        return exact[0]
    code = code_of(called)
    found = [each for each in places if code and each.code == code]
    if len(found) == 1:
        return found[0]
    shown = called if len(called) <= 60 else called[:59] + "…"
    if found:
        ids = ", ".join(f"{each.name} ({each.id})" for each in found)
        raise _unknown(f"{len(found)} locations are called {shown!r}: {ids}. Give the id of the one meant.")
    codes = sorted({each.code for each in places if each.code})
    near = get_close_matches(code, codes, n=3, cutoff=0.5)
    if near:
        raise _unknown(f"There is no location {shown!r}. The nearest: {', '.join(near)}.", near)
    raise _unknown(f"There is no location {shown!r}. Those there are: {', '.join(codes[:20]) or 'none'}.")


def _unknown(message: str, nearest: Iterable[str] = ()) -> OperationRefused:
    return OperationRefused(Refusal(RefusalKind.UNKNOWN_LOCATION, message, tuple(nearest)))
