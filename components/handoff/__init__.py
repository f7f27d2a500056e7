"""The hand-off: from Kamaji's address to an endpoint that answers and is linked, before a machine is bought.

It knows the management cluster and the tenant's API server, but no settings and no engine: the dynamic provider's process
must start without pydantic. The glue to the engine is ``components/endpoint.py``.
"""
