"""``python -m lab.metal``."""

import sys

from .cli import main

sys.exit(main())
