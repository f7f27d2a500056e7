"""Equinix Metal's settings: the section ``metal``, its keys of a pool, and what capp 0.9 asks of both."""

from __future__ import annotations

from ..provider import ProviderSettings
from .effects import EFFECTS
from .rules import pool_problems, problems, warnings
from .section import MetalClusterSettings, MetalPoolSettings, MetalSettings
from .user_data import check_templates

__all__ = ["PROVIDER", "MetalClusterSettings", "MetalPoolSettings", "MetalSettings"]

PROVIDER = ProviderSettings(
    key="metal",
    section=MetalSettings,
    tenant=MetalClusterSettings,
    pool=MetalPoolSettings,
    user_data=check_templates,
    problems=problems,
    pool_problems=pool_problems,
    warnings=warnings,
    effects=EFFECTS,
    kubelet_arguments={"cloud-provider": "metal.cloudController"},
)
