"""Why a server of Metal3 waits for its metadata and network data, from its Metal3Data, its claims and the IP pools. Pure.

CAPM3 chooses a host first, and lets it be installed once the Metal3Data is ready (``WaitForM3Metadata`` in its
metal3machine_manager.go). Until then the host only shows that it is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...capi.ip_addresses import usage_of
from ...capi.manifest import MANAGED_BY
from ...capi.reading import Failure, Json, condition, deletion_time, name, ready, subject
from ...kube.objects import Kind, dig
from ..blocker import Blocker, describe, kubectl
from ..model import Snapshot
from ..references import is_unserved

DATA = Kind("infrastructure.cluster.x-k8s.io/v1beta2", "Metal3Data", "metal3datas")
CLAIM = Kind("ipam.metal3.io/v1alpha1", "IPClaim", "ipclaims")
OTHER_CLAIM = Kind("ipam.cluster.x-k8s.io/v1beta2", "IPAddressClaim", "ipaddressclaims")
"""Claim at a pool of another IPAM."""
POOL = Kind("ipam.metal3.io/v1alpha1", "IPPool", "ippools")

PARTS = (DATA, CLAIM, OTHER_CLAIM, POOL)

EXHAUSTED = ("Exhausted IP Pools", "PoolExhausted")
"""Error of an IPClaim (``allocateAddress`` in the IPAM's ippool_manager.go), and reason of an IPAddressClaim's condition."""


@dataclass(frozen=True)
class Claim:
    """A claim of one address.

    Attributes:
        document: the claim itself.
        pool_kind: kind of the pool.
        pool: name of the pool.
        error: why it gets no address; empty where no error is reported.
        has_address: whether it has its address.
    """

    document: Json
    pool_kind: str
    pool: str
    error: str
    has_address: bool


def blocker(snapshot: Snapshot, machine: Json, metal3_machine: Json) -> Blocker | None:
    """Why a machine's server has no metadata and network data yet; None where it has, or nothing is known of it."""
    all_data = snapshot.server_parts.get(DATA.name, ())
    if isinstance(all_data, Failure):
        return _unreadable(machine, metal3_machine, all_data)
    data = next((item for item in all_data if _is_of(item, metal3_machine)), None)
    if data is None or dig(data, "status", "ready"):
        return None
    claims_failure = snapshot.server_parts.get(CLAIM.name)
    if isinstance(claims_failure, Failure) and not is_unserved(claims_failure):
        return _unreadable(machine, metal3_machine, claims_failure)
    claims = sorted(_claims_of(snapshot, data), key=lambda claim: (not claim.error, name(claim.document)))
    for claim in claims:
        if not claim.has_address and (reason := _claim_blocker(snapshot, machine, claim)):
            return reason
    message = " ".join(str(dig(data, "status", "errorMessage") or "").split())
    if not message:
        return None
    return Blocker(
        subject(data),
        f"the metadata and network data of {subject(machine)} can't be made: {message}",
        "Correct `metaData` or `networkData` and run `kamaji-equinix up`, which replaces the pool's machines; what CAPM3 has "
        f"of them: {describe(snapshot, data)}",
    )


def _is_of(data: Json, metal3_machine: Json) -> bool:
    """Whether a Metal3Data is of a Metal3Machine: its claim has the machine's name (``AssociateM3Metadata``)."""
    return dig(data, "spec", "claim", "name") == name(metal3_machine) and not deletion_time(data)


def _unreadable(machine: Json, metal3_machine: Json, failure: Failure) -> Blocker | None:
    readiness = condition(metal3_machine, "Metal3DataReady")
    if readiness is None or readiness.status == "True":
        return None
    return Blocker(
        subject(metal3_machine),
        f"the metadata and network data of {subject(machine)} are not there yet, and the reason could not be read: "
        f"{failure.subject}: {failure.reason}: {failure.message}",
        "Let the management credentials list Metal3Datas and claims of addresses: docs/rbac-metal3.yaml",
    )


def _claims_of(snapshot: Snapshot, data: Json) -> list[Claim]:
    """The claims that a Metal3Data owns."""
    return [
        claim
        for kind, read in ((CLAIM, _claim), (OTHER_CLAIM, _other_claim))
        for claim in map(read, _objects(snapshot, kind))
        if any(
            owner.get("kind") == DATA.name and owner.get("name") == name(data)
            for owner in dig(claim.document, "metadata", "ownerReferences") or ()
        )
    ]


def _objects(snapshot: Snapshot, kind: Kind) -> tuple[Json, ...]:
    objects = snapshot.server_parts.get(kind.name, ())
    return () if isinstance(objects, Failure) else objects


def _claim(document: Json) -> Claim:
    error = str(dig(document, "status", "errorMessage") or "")
    address = dig(document, "status", "address")
    return Claim(document, POOL.name, str(dig(document, "spec", "pool", "name")), error, bool(address))


def _other_claim(document: Json) -> Claim:
    pool, address = dig(document, "spec", "poolRef") or {}, dig(document, "status", "addressRef", "name")
    readiness = ready(document)
    has_error = readiness and readiness.status == "False"
    error = ": ".join(filter(None, (readiness.reason, readiness.message))) if readiness and has_error else ""
    return Claim(document, str(pool.get("kind")), str(pool.get("name")), error, bool(address))


def _claim_blocker(snapshot: Snapshot, machine: Json, claim: Claim) -> Blocker | None:
    pools = snapshot.server_parts.get(POOL.name, ())
    pool = None
    if claim.pool_kind == POOL.name and not isinstance(pools, Failure):
        pool = next((item for item in pools if name(item) == claim.pool), None)
        if pool is None:
            return Blocker(
                f"{POOL.name}/{claim.pool}",
                f"it does not exist in namespace {snapshot.namespace}, and {subject(machine)} waits for an address of it",
                "Make it, or name another one in `metal3.ipPools` and run `kamaji-equinix up`",
            )
    if claim.error.startswith(EXHAUSTED):
        return _exhaustion(snapshot, machine, claim, pool)
    if claim.error:
        return Blocker(
            subject(claim.document),
            f"{subject(machine)} gets no address of {claim.pool_kind}/{claim.pool}: {claim.error}",
            f"Correct the pool's `preAllocations` or ranges, then {_retry_advice(snapshot, machine)}; the claim: "
            f"{describe(snapshot, claim.document)}",
        )
    return Blocker(
        subject(claim.document),
        f"{subject(machine)} waits for an address of {claim.pool_kind}/{claim.pool}",
        f"If this lasts, see that the pool's controller runs, and {describe(snapshot, claim.document)}",
        is_progress=True,
    )


def _exhaustion(snapshot: Snapshot, machine: Json, claim: Claim, pool: Json | None) -> Blocker:
    reason = f"{subject(machine)} gets no address of it, and so its server is not installed: {claim.error}"
    if pool:
        claims = [item for item in map(_claim, _objects(snapshot, CLAIM)) if item.pool == claim.pool]
        requests = sum(not deletion_time(item.document) for item in claims)
        reason += f". It has {usage_of(pool)}, and {requests} machine{'s ask' if requests != 1 else ' asks'} for one"
    return Blocker(
        f"{claim.pool_kind}/{claim.pool}",
        reason,
        f"{_extension_advice(snapshot, claim, pool)}, then {_retry_advice(snapshot, machine)}. "
        "Or ask for fewer machines of its pool by `workerPools[].replicas`: those without a node go first",
    )


def _extension_advice(snapshot: Snapshot, claim: Claim, pool: Json | None) -> str:
    """Advice to give a pool more addresses."""
    if pool and MANAGED_BY.items() <= (dig(pool, "metadata", "labels") or {}).items():
        return "Give it more addresses by `metal3.ipPools[].ranges`, such as a later `end`, and run `kamaji-equinix up`"
    version = POOL.api_version.partition("/")[0]
    resource = f"{POOL.plural}.{version}" if claim.pool_kind == POOL.name else claim.pool_kind.lower()
    return f"Give it more addresses, such as a later end: {kubectl(snapshot, 'edit', resource, claim.pool)}"


def _retry_advice(snapshot: Snapshot, machine: Json) -> str:
    """Advice to ask for an address once more: the IPAM skips a claim that has an error (``m3UpdateAddresses``)."""
    command = kubectl(snapshot, "delete machine", name(machine))
    return f"have the machine replaced, because its claim is not tried again: {command}"
