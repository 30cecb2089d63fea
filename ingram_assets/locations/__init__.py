"""The three Dagster code locations: they gather, call a room's function, and report. Only they join rooms."""
