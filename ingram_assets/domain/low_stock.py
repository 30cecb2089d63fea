"""What "low" means to people: few copies are left to sell, and not none. Pure."""

LEAST = 1
"""With fewer left than this a title is not low but gone."""


def has_few_left(left: int, threshold: int) -> bool:
    """Whether so many copies, left to sell, are few. `threshold`: LOW_STOCK_THRESHOLD."""
    return LEAST <= left <= threshold
