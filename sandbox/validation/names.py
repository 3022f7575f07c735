"""Names a webhook may carry (https://discord.com/developers/docs/resources/webhook#create-webhook)."""

from sandbox.validation.form import Form

MAX_NAME = 80
FORBIDDEN_PARTS = ("clyde", "discord")
FORBIDDEN_NAMES = ("everyone", "here")


def read_webhook_name(form: Form, name: str) -> str | None:
    """A name of 1-80 characters without the words Discord keeps for itself."""
    value = form.text(name, MAX_NAME, minimum=1)
    if value is None:
        return None
    lowered = value.lower()
    for part in FORBIDDEN_PARTS:
        if part in lowered:
            form.refuse(name, "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{part}"')
    if lowered in FORBIDDEN_NAMES:
        form.refuse(name, "USERNAME_INVALID", f'Username cannot be "{lowered}"')
    return value
