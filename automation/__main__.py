"""``python -m kamaji_equinix.automation``: the same as the console script."""

import sys

from .cli import main

sys.exit(main())
