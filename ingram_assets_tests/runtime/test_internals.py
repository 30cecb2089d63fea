"""What Dagster keeps to itself is still there: a new version that moves a part fails here, by its name."""

import pytest
from dagster import __version__

from ingram_assets.runtime import dagster_internals


@pytest.mark.parametrize("name", dagster_internals.NAMES)
def test_a_part_is_where_it_was(name: str) -> None:
    assert getattr(dagster_internals, name) is not None


def test_it_was_checked_with_this_version() -> None:
    assert __version__.startswith("1.13."), "Read each part's use again, then change the file's first lines."


def test_another_name_is_none_of_it() -> None:
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        dagster_internals.nothing_of_ours  # noqa: B018
