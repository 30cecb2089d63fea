"""Looks at systems that may be frozen: such a one sends neither an answer nor an end."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def answer_within(seconds: float, look: Callable[[], T], called: str) -> tuple[T] | None:
    """What a look gives, in a tuple; `None`: it did not end in time, and goes on by itself.

    Args:
        look: raises nothing.
        called: the name of its thread.
    """
    answers: list[T] = []
    # A daemon: what is never answered holds up neither the next look nor the end of the process.
    thread = threading.Thread(target=lambda: answers.append(look()), name=called, daemon=True)
    thread.start()
    thread.join(seconds)
    return (answers[0],) if answers else None
