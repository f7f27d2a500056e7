"""Programs that the lab runs where a pod's container has their image; all other containers are simulated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

IMAGE = re.compile(r"(?:.*/)?(?P<name>[^/:@]+)(?::[^/:@]+)?(?:@.*)?")


@dataclass(frozen=True)
class Surroundings:
    """What a container's program finds around it.

    Attributes:
        name: of the pod, for the log.
        words: its command line.
        environment: its environment variables.
        files: what is mounted, by path.
        server: the API server's address.
        ca_pem: certificate of its authority.
        token: asks for a token of the pod's service account; raises httpx.HTTPError.
    """

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    files: Mapping[str, bytes]
    server: str
    ca_pem: str
    token: Callable[[], str]


class Program(Protocol):
    """A program that runs."""

    @property
    def exit_code(self) -> int | None:
        """Its exit code, None while it runs."""

    def stop(self) -> None:
        """Let it end soon."""


Programs = Mapping[str, Callable[[Surroundings], Program]]
"""What starts a program, by the last part of its image's name."""


def image_name(image: str) -> str:
    """The last part of an image's name, without tag and digest.

    >>> image_name("quay.io:443/equinix/cloud-provider-equinix-metal:v3.8.1@sha256:0123"), image_name("etcd")
    ('cloud-provider-equinix-metal', 'etcd')
    """
    match = IMAGE.fullmatch(image)
    return match["name"] if match else image
