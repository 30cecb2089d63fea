"""A wholesaler's site that is no iPage: German, in tables, with a sign-in of five pages and an XLSX export.

It is written from what such an application is like, and knows nothing of how its pages are read.
"""
