"""Cluster API's objects: the versions of each contract, names, labels, and how an object is read. Pure.

It owns what upstream's conventions say of the objects, not which objects a cluster is made of (``manifests``).
"""
