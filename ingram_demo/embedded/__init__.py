"""The outside systems as real servers from packages: what a bookseller has in the cloud, on one machine."""
