"""The `ingram` command: a file for each group of commands; `main.py` joins them."""
