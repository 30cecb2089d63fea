"""`python -m ingram_assets.cli`: the `ingram` command."""

from ingram_assets.cli.main import main

main()
