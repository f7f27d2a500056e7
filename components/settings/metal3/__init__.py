"""Metal3's settings: the section ``metal3``, its keys of a pool, and what Metal3's controllers ask of both."""

from __future__ import annotations

from ..provider import ProviderSettings
from .effects import EFFECTS
from .rules import pool_problems, problems, warnings
from .rules_hosts import stack_problems
from .section import Metal3ClusterSettings, Metal3PoolSettings, Metal3Settings
from .user_data import check_templates

__all__ = ["PROVIDER", "Metal3ClusterSettings", "Metal3PoolSettings", "Metal3Settings"]

PROVIDER = ProviderSettings(
    key="metal3",
    section=Metal3Settings,
    tenant=Metal3ClusterSettings,
    pool=Metal3PoolSettings,
    user_data=check_templates,
    problems=problems,
    pool_problems=pool_problems,
    warnings=warnings,
    stack_problems=stack_problems,
    effects=EFFECTS,
    kubelet_arguments={"cloud-provider": "metal3.cloudController"},
)
