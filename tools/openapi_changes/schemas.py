"""Two JSON Schemas side by side.

In a request the new schema must allow everything the old one did; in an answer it must allow nothing the old one did
not. The bounds are therefore compared by one rule with the sides exchanged; fields have a rule of their own, because an
answer may always have more of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

type Schema = Mapping[str, Any]

LOWER_BOUNDS: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
FORMS: Final = ("pattern", "format")
ANY_TYPE: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where two schemas stand: in which documents, on which side, under which name, inside which references."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]
    is_request: bool
    name: str
    inside: frozenset[tuple[str, str]] = frozenset()

    def at(self, name: str) -> "Place":
        """A place further in."""
        return replace(self, name=f"{self.name}{name}")

    def says(self, what: str) -> str:
        return f"{self.name}: {what}"


def schema_changes(place: Place, old: Schema, new: Schema) -> Iterator[str]:
    """Every breaking change from `old` to `new`, as a sentence with its place."""
    pair = (old.get("$ref", ""), new.get("$ref", ""))
    if all(pair):
        if pair in place.inside:
            return
        place = replace(place, inside=place.inside | {pair})
    old, new = resolved(place.old, old), resolved(place.new, new)
    if "anyOf" in old or "anyOf" in new:
        yield from _option_changes(place, old, new)
    else:
        yield from _plain_changes(place, old, new)


def resolved(document: Mapping[str, Any], found: Schema) -> Schema:
    """What a reference stands for."""
    while "$ref" in found:
        whole: Any = document
        for part in found["$ref"].removeprefix("#/").split("/"):
            whole = whole[part]
        found = whole
    return found


def _option_changes(place: Place, old: Schema, new: Schema) -> Iterator[str]:
    """Every option of the narrower side must fit into one of the wider side."""
    olds, news = old.get("anyOf", [old]), new.get("anyOf", [new])
    for option in olds if place.is_request else news:
        others = news if place.is_request else olds
        pairs = ((option, other) if place.is_request else (other, option) for other in others)
        if all(any(True for _ in schema_changes(place, *pair)) for pair in pairs):
            named = option.get("$ref", option.get("type", "an option"))
            yield place.says(f"{'no longer takes' if place.is_request else 'may now be'} {named}")


def _plain_changes(place: Place, old: Schema, new: Schema) -> Iterator[str]:
    yield from _type_changes(place, old, new)
    yield from _value_changes(place, old, new)
    yield from _bound_changes(place, old, new)
    yield from _field_changes(place, old, new)
    if "items" in old and "items" in new:
        yield from schema_changes(place.at("[]"), old["items"], new["items"])


def _type_changes(place: Place, old: Schema, new: Schema) -> Iterator[str]:
    before, after = _types(old), _types(new)
    if place.is_request and before - after:
        yield place.says(f"no longer takes {', '.join(sorted(before - after))}")
    elif not place.is_request and after - before:
        yield place.says(f"may now be {', '.join(sorted(after - before))}")


def _types(schema: Schema) -> frozenset[str]:
    if "type" not in schema:
        return ANY_TYPE
    named = schema["type"]
    types = {named} if isinstance(named, str) else set(named)
    return frozenset(types | {"integer"} if "number" in types else types)


def _value_changes(place: Place, old: Schema, new: Schema) -> Iterator[str]:
    before, after = _values(old), _values(new)
    if place.is_request and after is not None:
        gone = ["anything else"] if before is None else [value for value in before if value not in after]
        if gone:
            yield place.says(f"no longer takes {', '.join(map(str, gone))}")
    elif not place.is_request and before is not None and after is None:
        yield place.says("is no longer one of a few values")


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _bound_changes(place: Place, old: Schema, new: Schema) -> Iterator[str]:
    wide, narrow = (old, new) if place.is_request else (new, old)
    told = "is narrower" if place.is_request else "is wider"
    for names, is_narrower in ((LOWER_BOUNDS, _is_above), (UPPER_BOUNDS, _is_below)):
        for name in names:
            if is_narrower(narrow.get(name), wide.get(name)):
                yield place.says(f"{name} {told}: {old.get(name)} → {new.get(name)}")
    for name in FORMS:
        if name in narrow and narrow[name] != wide.get(name):
            yield place.says(f"another {name}: {old.get(name)} → {new.get(name)}")


def _is_above(bound: float | None, other: float | None) -> bool:
    return bound is not None and (other is None or bound > other)


def _is_below(bound: float | None, other: float | None) -> bool:
    return bound is not None and (other is None or bound < other)


def _field_changes(place: Place, old: Schema, new: Schema) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name in after:
            yield from schema_changes(place.at(f".{name}"), before[name], after[name])
        else:
            yield place.at(f".{name}").says("is gone")
    needed, was_needed = set(new.get("required", ())), set(old.get("required", ()))
    if place.is_request:
        yield from (place.at(f".{name}").says("is now required") for name in sorted(needed - was_needed))
        if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
            yield place.says("no longer takes fields of other names")
    else:
        gone = sorted((was_needed - needed) & set(after))
        yield from (place.at(f".{name}").says("may now be missing") for name in gone)
    if isinstance(old.get("additionalProperties"), Mapping) and isinstance(new.get("additionalProperties"), Mapping):
        yield from schema_changes(place.at(".*"), old["additionalProperties"], new["additionalProperties"])
