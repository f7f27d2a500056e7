"""Kubernetes clusters with a Kamaji-hosted control plane and Equinix Metal workers: the program of every stack."""

import gc
import os

# What the imports make lives as long as the process: to search it for garbage again and again costs 0.08 s of each run.
gc.disable()
# Looking for plugins of pydantic reads the metadata of every installed package: 0.05 s of each run, for none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from kamaji_equinix.components import stack  # noqa: E402 - after what the imports cost

stack.run()
