"""The desk's pages, for people."""
