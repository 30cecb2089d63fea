"""The rules: pure functions of values. No clock, no network, no Dagster, nothing of ours imported."""
