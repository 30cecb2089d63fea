"""The catalog-import database: its schema, its roles, and the only ways in and out.

`migrations` makes it, `writer` is all the scraper can do to it, `reader` all the storefront can.
"""
