"""What is asked before a run: whether the management cluster can take the stack, and whether a change would harm what lives.

It asks and judges; it writes nothing.
"""
