"""What a shopper reads: the store over its Store API, through Medusa's own SDK for storefronts."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingram_assets.runtime.node import find_node
from ingram_assets_tests.testing.processes import TOOLS
from ingram_demo.embedded import tools
from ingram_demo.embedded.medusa import Medusa

PROJECT = Path(__file__).with_name("js_storefront")


@dataclass(frozen=True)
class ReadStore:
    """Each title by its ISBN, as `read_store.js` tells of it; and tag to the ISBNs that are found by it."""

    titles: dict[str, dict[str, Any]]
    by_tag: dict[str, list[str]]


def read_store(medusa: Medusa) -> ReadStore:
    """The whole store."""
    node, project = find_node(), _installed()
    store = medusa.store
    argv: list[str | Path] = [node.program, "read_store.js", medusa.url]
    argv += [store.publishable_key, store.region_id]
    said = json.loads(tools.run("Reading the store", argv, seconds=300, cwd=project))
    return ReadStore({each["isbn"]: each for each in said["titles"]}, said["byTag"])


def _installed() -> Path:
    """The script beside the packages that it needs, which are installed once."""
    project = TOOLS.resolve() / "js-storefront"
    lock = tools.digest(*sorted(PROJECT.iterdir()))
    with tools.one_at_a_time(TOOLS):
        if not tools.is_done(project / "packages.done", lock):
            what = "Installing Medusa's SDK for storefronts"
            tools.install_npm(what, PROJECT, project, find_node(), seconds=300)
            tools.mark_done(project / "packages.done", lock)
    return project
