"""The settings of where the module runs: its ports, its folders, its logs. For how they are written, see `sections`."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from configuration.kinds import CollectorUrl, Facility, Folder, Host, Level, Networks, ReadableFile
from configuration.secret import Secret
from configuration.section import Section


class TlsSettings(Section):
    """The certificate both servers present, and whose client certificates gRPC asks for."""

    title = "TLS"
    is_required = False

    cert_file: ReadableFile = Field(
        validation_alias="TLS_CERT_FILE",
        description="Certificate chain, PEM. Set together with TLS_KEY_FILE: both ports speak TLS.",
    )
    key_file: ReadableFile = Field(validation_alias="TLS_KEY_FILE", description="Its private key, PEM.")
    client_ca_file: ReadableFile | None = Field(
        None,
        validation_alias="TLS_CLIENT_CA_FILE",
        description="Set as well: gRPC asks clients for a certificate signed by this CA. A call without a token is "
        "then that of the registered client which bears its DNS name, or its common name where it has none.",
    )


class ServerSettings(Section):
    """Where the two servers listen."""

    title = "Servers"

    host: Host = Field(
        "0.0.0.0",  # noqa: S104 -- the contract's default: the service runs in a container  # nosec B104
        validation_alias="HOST",
        description="The address both servers listen on.",
    )
    grpc_port: int = Field(
        50051, ge=0, le=65535, validation_alias="GRPC_PORT", description="gRPC's port; 0 takes a free one."
    )
    rest_port: int = Field(
        8070, ge=0, le=65535, validation_alias="REST_PORT", description="REST's port; 0 takes a free one."
    )
    trusted_proxies: Networks = Field(
        (),
        validation_alias="TRUSTED_PROXIES",
        description="Networks of the proxies before REST, such as 10.0.0.0/8,192.168.1.7: from them X-Forwarded-For is "
        "believed, read from its right end to the first address that is none of them. Unset: it is not read, and all "
        "who come through a proxy count as one address when they ask for tokens.",
    )
    rest_max_connections: int = Field(
        2000,
        ge=10,
        le=100_000,
        validation_alias="REST_MAX_CONNECTIONS",
        description="Connections REST keeps open at once; past it the one without a request for longest is closed.",
    )
    grpc_max_connections: int = Field(
        2000,
        ge=10,
        le=100_000,
        validation_alias="GRPC_MAX_CONNECTIONS",
        description="Connections gRPC keeps open at once; past it new ones are closed.",
    )
    grpc_max_connection_age_seconds: float = Field(
        900.0,
        ge=1,
        le=86_400,
        validation_alias="GRPC_MAX_CONNECTION_AGE",
        description="Seconds after which a gRPC client is asked to connect anew, give or take a tenth, so that clients "
        "behind one address spread over replicas that came later. Calls that run may finish, up to MAX_WAIT.",
    )
    grpc_reflection: bool = Field(
        default=True,
        validation_alias="GRPC_REFLECTION",
        description="Whether gRPC describes itself to tools that ask (server reflection).",
    )
    shutdown_pause_seconds: float = Field(
        0.0,
        ge=0,
        le=60,
        validation_alias="SHUTDOWN_PAUSE",
        description="Seconds between saying NOT_SERVING and closing the ports, for load balancers to look elsewhere.",
    )
    shutdown_grace_seconds: float = Field(
        20.0,
        ge=1,
        le=600,
        validation_alias="SHUTDOWN_GRACE",
        description="Seconds that a stop takes at most after the pause. Running actions may finish until shortly "
        "before the end; what does not is recorded as it stands. Whoever kills what does not stop should wait two "
        "seconds longer than SHUTDOWN_PAUSE and SHUTDOWN_GRACE together.",
    )
    tls: TlsSettings | None = None

    @field_validator("rest_port")
    @classmethod
    def _differs_from_grpc(cls, value: int, info: ValidationInfo) -> int:
        if value and value == info.data.get("grpc_port"):
            raise ValueError(f"must differ from GRPC_PORT, both are {value}")
        return value


class RecordSettings(Section):
    """What happens to the record before and after it is in the database."""

    title = "The record"
    default_texts: ClassVar[dict[str, str]] = {"journal_dir": "LOG_DIR/journal, else data/journal"}

    journal_dir: Folder = Field(
        Path("data/journal"),
        validation_alias="JOURNAL_DIR",
        description="The audit journal on disk and, without Redis, the idempotency keys; on a writable volume. "
        "Replicas on one machine that share a database may share it.",
    )
    journal_max_mb: int = Field(
        512,
        ge=64,
        le=1_048_576,
        validation_alias="JOURNAL_MAX_MB",
        description="What the journal may take on disk, in MiB. Past it, actions are refused until the database "
        "takes rows again.",
    )
    retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        validation_alias="AUDIT_RETENTION_DAYS",
        description="Rows older than this many days are deleted. Unset: kept for ever.",
    )


class SyslogSettings(Section):
    """The syslog server that receives a copy of every line, over UDP."""

    title = "Syslog"

    host: Host = Field("localhost", validation_alias="SYSLOG_HOST", description="The syslog server.")
    port: int = Field(514, ge=1, le=65535, validation_alias="SYSLOG_PORT", description="Its UDP port.")
    facility: Facility = Field("LOCAL0", validation_alias="SYSLOG_FACILITY", description="The facility of our lines.")


class LogSettings(Section):
    """What is logged, in which form, and where to beside standard output."""

    title = "Logs"

    level: Level = Field("INFO", validation_alias="LOG_LEVEL", description="DEBUG, INFO, WARNING, ERROR or CRITICAL.")
    directory: Folder | None = Field(
        None,
        validation_alias="LOG_DIR",
        description="A folder for rotating log files. Unset: standard output only.",
    )
    format: Literal["json", "text"] = Field(
        "json", validation_alias="LOG_FORMAT", description="json for machines, text for people."
    )
    syslog_enabled: bool = Field(
        default=False,
        validation_alias="ENABLE_SYSLOG",
        description="Whether every line is copied to a syslog server.",
    )
    syslog: SyslogSettings | None = None


class TraceSettings(Section):
    """Where spans of requests are sent. Off unless one of the first two asks for it."""

    title = "Traces"

    endpoint: CollectorUrl | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="A collector that takes OTLP over HTTP, such as http://localhost:4318. Set: traces are sent there.",
    )
    exporter: Literal["otlp", "none"] | None = Field(
        None,
        validation_alias="OTEL_TRACES_EXPORTER",
        description="otlp sends traces, to http://localhost:4318 where no endpoint is set; none sends nothing. Other "
        "OTEL_ variables are read from the environment by OpenTelemetry itself.",
    )
    headers: Secret | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_HEADERS",
        description="What the collector wants in the headers: name=value, separated by commas.",
    )
    service_name: str | None = Field(
        None,
        max_length=255,
        validation_alias="OTEL_SERVICE_NAME",
        description="The name in traces. Unset: MODULE_NAME.",
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Lists the values of the headers."""
        written = self.headers.get_secret_value() if self.headers is not None else ""
        return tuple(value.strip() for pair in written.split(",") if (value := pair.partition("=")[2].strip()))

    @property
    def is_on(self) -> bool:
        """Whether somebody asked for traces."""
        return self.exporter == "otlp" or (self.exporter is None and self.endpoint is not None)
