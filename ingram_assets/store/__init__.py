"""The store: what Medusa's Admin API is told, and the journal of all of it."""
