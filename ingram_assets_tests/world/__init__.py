"""A year of the shop in a minute: site, store and operator simulated, the product's decisions real.

A seed draws a list of events (`events.py`). The world lives through them on a simulated clock (`world.py`),
with small models in memory in place of the outside systems (`site.py`, `queue.py`, `store.py`). Each hour it
is asked whether all that is promised holds (`promises.py`). A seed that breaks a promise is shrunk to
the events that it takes (`shrink.py`). `./just world --seeds N` lives through as many as wanted.
"""
