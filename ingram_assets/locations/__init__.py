"""The three Dagster code locations: they gather, call a room's function, and report. Only they join rooms."""

import warnings

import dagster as dg

# Dagster warns of each use of its beta parameters (`backfill_policy`, say), in every process, at every start.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
