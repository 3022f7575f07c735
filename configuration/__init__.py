"""What the operator decides: sections of settings, the rules of their values, and where they are read from.

`config.py` is the face of this package; nothing else imports it.
"""
