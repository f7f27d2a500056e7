"""The requirements of a stack on a management cluster, as data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..kube.objects import Kind


@dataclass(frozen=True)
class RequiredKind:
    """A kind that must be served.

    Attributes:
        kind: the kind, in the version that the stack's manifests use.
        setting: the setting that asks for this version, such as ``capi.contract: v1beta1``.
        install: the command that installs what serves it.
        verbs: what the stack does with its objects.
        status: whether it also patches their status.
    """

    kind: Kind
    setting: str = ""
    install: str = ""
    verbs: tuple[str, ...] = ()
    status: bool = False

    @property
    def crd(self) -> str:
        """Name of its CustomResourceDefinition."""
        return f"{self.kind.plural}.{self.kind.group}"


@dataclass(frozen=True)
class Right:
    """One right that the credentials must have in a namespace."""

    verb: str
    group: str
    resource: str
    subresource: str = ""

    @property
    def resource_argument(self) -> str:
        """The resource as ``kubectl create role --resource`` takes it."""
        name = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{name}/{self.subresource}" if self.subresource else name


@dataclass(frozen=True)
class Requirements:
    """The requirements of a stack on a management cluster.

    Attributes:
        kinds: custom resources that it uses.
        namespaces: where its objects go, and whether the stack creates the namespace itself.
        data_stores: names of Kamaji's DataStores that its control planes use; without one Kamaji's default is used.
        secrets: keys of Secrets that its machines read and that the stack does not create, by namespace and name.
        rights: further rights, beside those that ``kinds`` imply.
        alternate_contracts: for each other value of ``capi.contract``, the version of each kind, by CRD name: to say which
            value fits the cluster.
    """

    kinds: tuple[RequiredKind, ...] = ()
    namespaces: Mapping[str, bool] = field(default_factory=dict)
    data_stores: tuple[str, ...] = ()
    secrets: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    rights: tuple[Right, ...] = ()
    alternate_contracts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
