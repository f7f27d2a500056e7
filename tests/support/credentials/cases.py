"""Kubeconfigs and environments that kubectl and this program's client must take alike: those picked by hand."""

from __future__ import annotations

from tests.support.credentials import certificates, kubeconfigs, plugins, ways
from tests.support.credentials.runs import Case

GROUPS = (
    kubeconfigs.contexts,
    kubeconfigs.types,
    kubeconfigs.documents,
    kubeconfigs.merge_cases,
    kubeconfigs.tokens,
    kubeconfigs.basic,
    kubeconfigs.impersonation_cases,
    certificates.client_certificates,
    certificates.authorities,
    certificates.servers,
    ways.proxies,
    ways.no_proxy,
    plugins.plugins,
    plugins.bad_plugins,
    ways.answers,
)


def all_cases() -> list[Case]:
    """All of them."""
    return [case for group in GROUPS for case in group()]
