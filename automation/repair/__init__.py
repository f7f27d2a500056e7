"""Repairs before an operation: locks of dead updates, remains of a killed engine in the state, old credentials.

Each repair serves one operation on one stack; the session runs the operation itself.
"""
