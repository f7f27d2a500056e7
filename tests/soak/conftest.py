"""The soak tier runs on the same lab as the lab tier."""

from tests.lab.conftest import lab

__all__ = ["lab"]
