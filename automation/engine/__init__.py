"""Pulumi's engine from outside: its process, the stacks that it opens, its events, failures and locks.

It makes no decision about a stack.
"""
