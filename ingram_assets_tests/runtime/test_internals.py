"""What Dagster keeps to itself was looked at with this version; that all of it is there says the import."""

from dagster import __version__


def test_it_was_checked_with_this_version() -> None:
    assert __version__.startswith("1.13."), "Read each part's use again, then change the file's first lines."
