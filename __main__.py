"""Kubernetes clusters with a Kamaji-hosted control plane and Equinix Metal workers: the program of every stack."""

import os

# Looking for plugins of pydantic reads the metadata of every installed package: 0.05 s of each run, for none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from kamaji_equinix.components import stack

stack.run()
