"""What every section of the settings has in common: frozen, reads nothing by itself, prints no secret."""

from typing import ClassVar

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class Section(BaseSettings):
    """A part of the settings, built from its field names or from the names of its variables.

    Raises pydantic's ValidationError, with the variable's name as location, when a value breaks its rule.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        case_sensitive=True,
        env_ignore_empty=True,
        validate_by_name=True,
        validate_by_alias=True,
        validate_default=True,
        hide_input_in_errors=True,
    )
    title: ClassVar[str]
    is_required: ClassVar[bool] = True
    """False for a section that is left out as a whole when none of its variables is set."""
    default_texts: ClassVar[dict[str, str]] = {}
    """Defaults that depend on other variables, in words, by field name."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Takes arguments only: the environment has one reader, and it is not the constructor."""
        return (init_settings,)
