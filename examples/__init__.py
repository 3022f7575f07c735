"""Callers to start from: over gRPC and over REST, each the whole of what a caller needs."""
