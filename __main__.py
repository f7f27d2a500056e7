"""Kubernetes clusters with a Kamaji-hosted control plane and Equinix Metal workers: the program of every stack."""

from kamaji_equinix.components import stack

stack.run()
