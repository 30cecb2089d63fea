"""Embedded servers and the iPage simulator: the whole shop on one machine, for the demo and the tests.

No part of the wheel. Nothing of the product imports it but the command `ingram demo`.
"""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
