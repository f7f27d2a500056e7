"""The generation of Cluster API that the lab tier runs on: by default the first; the soak runs it on the second, too."""

from __future__ import annotations

import os
from typing import Any

from lab.generations import Generation, choose

VARIABLE = "KAMAJI_EQUINIX_TEST_CONTRACT"
"""Environment variable that names the contract: ``v1beta2 pytest tests/lab`` is the lab tier on the second generation."""


def generation() -> Generation:
    """What the lab is made of."""
    return choose(os.environ.get(VARIABLE, "v1beta1"))


def sections() -> dict[str, Any]:
    """Sections of a stack that asks for it; none where it is the default."""
    contract = generation().contract
    return {} if contract == "v1beta1" else {"capi": {"contract": contract}}
