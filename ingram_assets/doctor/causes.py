"""What is behind an error: those that it was raised from. Pure."""

from collections.abc import Iterator


def behind(error: BaseException) -> Iterator[BaseException]:
    """The error, and each that led to it, whether or not its words are told."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def ran_out_of_time(error: BaseException) -> bool:
    """Whether somebody did not answer in time. Each library has a class of its own for that."""
    return any("Timeout" in type(one).__name__ for one in behind(error))
