"""The simulated Equinix Metal API and the devices behind it, which boot from their user data alone."""

from .control import Control
from .faults import Fault
from .options import BootOptions
from .service import MetalApi

__all__ = ["BootOptions", "Control", "Fault", "MetalApi"]
