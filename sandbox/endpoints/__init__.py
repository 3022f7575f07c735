"""What each route does to the state, one module per resource.

Synchronous: a request is applied whole or not at all.
"""
