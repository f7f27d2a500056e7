"""The embedded lab: a management cluster of real programs on loopback, with a simulated cloud around it."""
