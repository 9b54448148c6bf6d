"""Results become figures: the only importers of matplotlib."""

import logging

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of folders of its own that it cannot write
