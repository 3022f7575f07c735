"""Discord's form rules: which bodies it refuses with 50035, and with which tree of errors."""
