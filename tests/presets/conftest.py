"""The presets of network plugins on the lab of the lab tier, with upstream's own charts.

They come from upstream's repositories, as a user's machine gets them; on a machine without a way there, from folders named
after the charts in the folder that ``KAMAJI_EQUINIX_CHARTS`` names. So no target of the Makefile runs this tier:
``.venv/bin/python -m pytest -q tests/presets``.
"""

from tests.lab.conftest import lab

__all__ = ["lab"]
