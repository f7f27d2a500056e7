"""The component resources of Pulumi, and the edges between the objects of a cluster.

The dynamic resources stay in ``components/endpoint.py`` and ``components/rollout.py``, whose paths Pulumi's state holds.
"""
