"""Checks before a run: whether the management cluster can take the stack, and whether a change would harm a living cluster.

They only read and judge; they write nothing.
"""
