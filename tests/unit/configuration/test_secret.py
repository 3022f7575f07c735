import copy
import json
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import orjson
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from configuration.secret import Secret

TEXT = "nobody-may-read-this"


class Model(BaseModel):
    secret: Secret


@dataclass(frozen=True)
class Record:
    secret: Secret


MODEL, RECORD = Model(secret=Secret(TEXT)), Record(Secret(TEXT))


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{!r:>40}".format,
        lambda value: f"{value}",
        lambda value: json.dumps(value, default=str),
        lambda value: orjson.dumps(value, default=str).decode(),
        lambda value: str(Record(value)),
        lambda value: str(asdict(Record(value))),
        lambda value: str(replace(RECORD, secret=value)),
        lambda value: Model(secret=value).model_dump_json(),
        lambda value: str(Model(secret=value).model_dump()),
        lambda value: str(Model(secret=value).model_dump(mode="json")),
        lambda value: repr(Model(secret=value)),
        lambda value: repr([value, {"x": (value,)}]),
        lambda value: str(ValueError(value)),
        lambda value: "".join(traceback.format_exception(RuntimeError("x", value))),
        lambda value: TypeAdapter(Secret).dump_json(value).decode(),
        lambda value: repr(copy.deepcopy({"x": value})),
        dir,
    ],
)
def test_it_has_no_printed_form(shown: Callable[[object], object]) -> None:
    assert TEXT not in str(shown(Secret(TEXT)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("holder", [Secret(TEXT), MODEL, RECORD, [RECORD]])
def test_it_is_not_pickled(holder: object, protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(holder, protocol)


def test_a_copy_is_the_secret_itself() -> None:
    assert copy.copy(RECORD.secret) is RECORD.secret
    assert copy.deepcopy(MODEL).secret.get_secret_value() == TEXT


def test_a_model_that_refuses_it_does_not_show_it() -> None:
    class Strict(BaseModel, hide_input_in_errors=True):
        secret: Secret
        number: int

    with pytest.raises(ValidationError) as refused:
        Strict.model_validate({"secret": TEXT, "number": "x"})
    assert TEXT not in str(refused.value)
