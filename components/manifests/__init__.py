"""From settings to Kubernetes objects, as plain dicts. Pure: no engine, no request.

What an infrastructure provider has a say in comes from ``providers``.
"""
