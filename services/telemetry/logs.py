"""The log: structured lines from our code, and what libraries log, through one pipe.

    log = get_logger(__name__)
    log.info("serving", grpc_port=50051)
    log.info("action", event=Event.AUDIT, caller="shop", action="send_message", result="delivered")
    log.refused("request refused", code="unauthenticated", client_address="192.0.2.7")

It stands on the standard `logging`, so that libraries need no bridge, tests can capture it, and before
`configure_logging` nothing happens but what Python does by itself.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any, Self

from config import LogSettings
from services.redaction import Redactor
from services.telemetry.events import Event, refusal_event
from services.telemetry.pipe import LogPipe
from services.telemetry.render import Entry, Renderer
from services.telemetry.rotating_file import RotatingFile
from services.telemetry.scope import current_scope
from services.telemetry.sinks import Sink, StandardOutput, Syslog

OWN_LOGGERS = ("services", "app")
"""These log at the level that was set; everything else at WARNING or above."""

UNUSED_FACTS = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks")
"""Facts that `logging` gathers for every line and no line of ours shows: half of a record's cost."""


class EventLog:
    """A logger for lines with fields.

    The same names everywhere: `caller` (a client's id), `guild`, `action`, `result`, `code`, `target_user` (the Discord
    user an action is about). The request's id and its caller come by themselves while a request runs.
    """

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, message: str, /, *, event: Event = Event.SYSTEM, **fields: object) -> None:
        """Logs what only a developer wants to see."""
        self._log(logging.DEBUG, message, event, fields)

    def info(self, message: str, /, *, event: Event = Event.SYSTEM, **fields: object) -> None:
        """Logs what an operator may want to know later."""
        self._log(logging.INFO, message, event, fields)

    def warning(self, message: str, /, *, event: Event = Event.SYSTEM, **fields: object) -> None:
        """Logs what went wrong and was coped with."""
        self._log(logging.WARNING, message, event, fields)

    def error(self, message: str, /, *, event: Event = Event.ERROR, **fields: object) -> None:
        """Logs what went wrong and somebody has to look at."""
        self._log(logging.ERROR, message, event, fields)

    def exception(self, message: str, /, *, event: Event = Event.ERROR, **fields: object) -> None:
        """Logs an error with the exception that is being handled."""
        self._log(logging.ERROR, message, event, fields, exception=sys.exception())

    def refused(self, message: str, /, *, code: str, event: Event | None = None, **fields: object) -> None:
        """Logs that a request was refused with a code: a warning where it concerns who asks.

        Whoever asks decides how often, so that only so many of these lines are written; the rest is counted.
        """
        event = event or refusal_event(code)
        level = logging.INFO if event is Event.AUDIT else logging.WARNING
        self._log(level, message, event, {"code": code, **fields}, is_bounded=True)

    def _log(
        self,
        level: int,
        message: str,
        event: Event,
        fields: Mapping[str, object],
        *,
        exception: BaseException | None = None,
        is_bounded: bool = False,
    ) -> None:
        logger = self._logger
        if logger.isEnabledFor(level):
            exc_info = (type(exception), exception, exception.__traceback__) if exception else None
            record = logging.LogRecord(logger.name, level, "", 0, message, (), exc_info)
            record.event, record.fields, record.is_bounded = event, fields, is_bounded
            logger.handle(record)


def get_logger(name: str) -> EventLog:
    """Gives the logger of a module; call it with `__name__`."""
    return EventLog(logging.getLogger(name))


class PipeHandler(logging.Handler):
    """Hands records to the pipe: ours with their fields, a library's with its logger's name."""

    def __init__(self, pipe: LogPipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        known: dict[str, Any] = record.__dict__
        fields = known.get("fields")
        self._pipe.put(
            Entry(
                created_seconds=record.created,
                level=record.levelno,
                event=known.get("event") or (Event.ERROR if record.levelno >= logging.ERROR else Event.SYSTEM),
                message=record.getMessage(),
                fields={"logger": record.name} if fields is None else fields,
                scope=current_scope(),
                exception=record.exc_info[1] if record.exc_info else None,
                is_bounded=known.get("is_bounded", False),
            )
        )


class Logging:
    """The log while it is set up: takes the place of what was set up before, and gives it back at the end.

    Register what no line may show with `redactor`. `problems` says what cannot be used (a log folder, syslog); the
    rest goes on, and the problems are logged as well.
    """

    def __init__(self, settings: LogSettings, module_name: str, version: str, redactor: Redactor) -> None:
        self.redactor = redactor
        self.problems: list[str] = []
        sinks = [StandardOutput(), *self._optional_sinks(settings, module_name)]
        self._pipe = LogPipe(Renderer(module_name, version, settings.format, redactor), sinks)
        self._level = logging.getLevelNamesMapping()[settings.level]
        self._handler = PipeHandler(self._pipe)
        self._before: list[tuple[logging.Logger, int]] = []
        self._switches_before = {name: getattr(logging, name) for name in UNUSED_FACTS}
        self._handlers_before: list[logging.Handler] = []

    @property
    def dropped_lines(self) -> int:
        """Lines that came faster than they could be written."""
        return self._pipe.dropped_in_all

    def __enter__(self) -> Self:
        for name in UNUSED_FACTS:
            setattr(logging, name, False)
        root = logging.getLogger()
        self._handlers_before, root.handlers[:] = root.handlers[:], [self._handler]
        self._set_level(root, max(self._level, logging.WARNING))
        for name in OWN_LOGGERS:
            self._set_level(logging.getLogger(name), self._level)
        logging.captureWarnings(capture=True)
        for problem in self.problems:
            get_logger(__name__).error(problem)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Puts back what was set up before, and writes what is queued, within a bound of seconds."""
        logging.captureWarnings(capture=False)
        logging.getLogger().handlers[:] = self._handlers_before
        for logger, level in self._before:
            logger.setLevel(level)
        for name, value in self._switches_before.items():
            setattr(logging, name, value)
        self._pipe.close()

    def _set_level(self, logger: logging.Logger, level: int) -> None:
        self._before.append((logger, logger.level))
        logger.setLevel(level)

    def _optional_sinks(self, settings: LogSettings, module_name: str) -> list[Sink]:
        sinks: list[Sink] = []
        if settings.directory is not None:
            path = settings.directory / f"{module_name}.log"
            try:
                sinks.append(RotatingFile(path))
            except OSError as error:
                self.problems.append(
                    f"LOG_DIR: {path} cannot be written ({error.strerror}); logging to standard output"
                )
        if settings.syslog is not None:
            try:
                sinks.append(Syslog(settings.syslog, module_name))
            except OSError as error:
                self.problems.append(f"SYSLOG_HOST: {settings.syslog.host} cannot be used ({error.strerror})")
        return sinks


def configure_logging(
    settings: LogSettings, module_name: str, version: str, redactor: Redactor | None = None
) -> Logging:
    """Sets up the log for the process, for the length of a `with` block or until `close`.

    Every line passes through `redactor`.
    """
    return Logging(settings, module_name, version, redactor or Redactor())
