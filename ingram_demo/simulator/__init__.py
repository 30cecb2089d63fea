"""The iPage simulator: a site that behaves as Ingram's does, with dials for all that can go wrong.

In a test: `with running_simulator() as sim:` and then `sim.url`, `sim.book()`, `sim.fault("block", at=5)`.
In a process of its own: `python -m ingram_demo.simulator --help`.
"""

from ingram_demo.simulator.accounts import Account
from ingram_demo.simulator.client import ControlRefused, Simulator
from ingram_demo.simulator.dials import Dials
from ingram_demo.simulator.server import running_simulator

__all__ = ["Account", "ControlRefused", "Dials", "Simulator", "running_simulator"]
