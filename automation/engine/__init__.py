"""Pulumi's engine from outside: its process, the stacks that it opens, what its events and failures mean, its locks.

No decision about a stack is made here.
"""
