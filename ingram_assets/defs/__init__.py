"""The three Dagster code locations: they gather, call a room's function, and report. Only they join rooms."""

import warnings

# Dagster warns of each use of its beta parameters (`backfill_policy`, say), in every process, at every start.
# By its words: its class would bring all of Dagster into commands that only look.
warnings.filterwarnings("ignore", message=".* is currently in beta, and may have breaking changes")
