"""From settings to Kubernetes objects, as plain dicts. Pure: no engine, no request.

``providers`` adds the parts that depend on the infrastructure provider.
"""
