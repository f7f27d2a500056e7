"""What is put right before an operation: locks of dead updates, what a killed engine left in the state, old credentials.

Each is written for one operation on one stack; how the operation itself runs is the session's.
"""
