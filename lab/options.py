"""The options of the lab, for its start and while it runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from .generations import Generation, choose
from .pki import write_private


@dataclass(frozen=True)
class LabOptions:
    """The lab's options.

    Attributes:
        gate: Kamaji's feature gate SkipInfraClusterPatch: on, Kamaji leaves the PacketCluster's endpoint to others.
        load_balancer_delay: seconds from a load balancer's address to its first answer.
        boot_seconds: seconds from a device's order to its operating system running.
        boot_fails: whether all devices end in state ``failed``.
        network: ``required``: nodes are Ready only where a network plugin's pod has run; ``provided``: always.
        contract: Cluster API's contract that the management cluster's stacks ask for.
        cluster_api: version of Cluster API; empty for the first that has the contract.
    """

    gate: bool = True
    load_balancer_delay: float = 0.0
    boot_seconds: float = 2.0
    boot_fails: bool = False
    network: str = "required"
    contract: str = "v1beta1"
    cluster_api: str = ""

    def generation(self) -> Generation:
        """The generation of the management cluster.

        Raises:
            NoSuchGeneration: contract and version of Cluster API do not fit together.
        """
        return choose(self.contract, self.cluster_api)

    def save(self, path: Path) -> None:
        """Write the options for the supervisor, which reads the file again and again."""
        write_private(path, json.dumps(asdict(self), indent=1).encode())

    @classmethod
    def load(cls, path: Path) -> LabOptions:
        """Read the options; those missing in the file have their defaults."""
        if not path.exists():
            return cls()
        names = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in json.loads(path.read_text()).items() if key in names})
