"""The storefront's code location: Dagster's side of the way from the queue to the store."""
