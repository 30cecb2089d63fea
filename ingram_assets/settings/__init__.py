"""The settings: a file for each code location (`scraper`, `storefront`, `operations`), and `shared` by all.

Each code location is started with an environment that holds its own settings alone (`environment`), so what
one of them leaks the others do not know. There `load` reads them. Real values live in `.env`, `.env.scraper`,
`.env.storefront` and `.env.operations` beside the `*.example` files; the process environment wins.
"""
