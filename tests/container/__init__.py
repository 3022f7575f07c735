"""The images really built, and really run. `python -m tests.container` makes what the tests need and runs them."""

PREPARED = "CONTAINER_TESTS_PREPARED"
"""Set where everything is made and pytest may begin."""
