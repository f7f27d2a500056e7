"""The infrastructure providers of this package: each package within ``settings`` is one, and holds ``PROVIDER``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .provider import ProviderSettings, Registry

PROVIDERS = Registry()


def add_all() -> None:
    """Add all of them."""
    package = __package__ or ""
    for module in iter_modules(import_module(package).__path__, f"{package}."):
        if module.ispkg:
            provider: ProviderSettings = import_module(module.name).PROVIDER
            PROVIDERS.add(provider)


add_all()
