"""From settings to a serving process, and back."""

from services.lifecycle.serve import run

__all__ = ["run"]
