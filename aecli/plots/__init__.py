"""Plots of results; the only folder that imports matplotlib."""

import logging

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns about cache folders that it cannot write
