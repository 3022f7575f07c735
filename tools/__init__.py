"""Commands for people who work on or run this repository; no part of the service."""
