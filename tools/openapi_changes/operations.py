"""Two documents side by side: their operations, and what goes in and out of each."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.openapi_changes.schemas import Place, resolved, schema_changes

type Node = Mapping[str, Any]


def breaking_changes(old: Node, new: Node) -> list[str]:
    """Every change from `old` to `new` that can break a caller, as a sentence with its place; none for equal ones."""
    return list(_document_changes(old, new))


def _document_changes(old: Node, new: Node) -> Iterator[str]:
    for path, methods in old["paths"].items():
        if path not in new["paths"]:
            yield f"{path}: the path is gone"
            continue
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            if method not in new["paths"][path]:
                yield f"{name}: the method is gone"
            else:
                yield from _operation_changes(name, (old, operation), (new, new["paths"][path][method]))


def _operation_changes(name: str, old: tuple[Node, Node], new: tuple[Node, Node]) -> Iterator[str]:
    (old_document, before), (new_document, after) = old, new
    asking = Place(old_document, new_document, is_request=True, name=name)
    if _needs_token(new) and not _needs_token(old):
        yield asking.says("now asks for a token")
    yield from _parameter_changes(asking, before, after)
    yield from _body_changes(asking, before, after)
    yield from _response_changes(Place(old_document, new_document, is_request=False, name=name), before, after)


def _needs_token(where: tuple[Node, Node]) -> bool:
    document, operation = where
    return bool(operation.get("security", document.get("security")))


def _parameter_changes(place: Place, before: Node, after: Node) -> Iterator[str]:
    olds, news = _parameters(place.old, before), _parameters(place.new, after)
    for key, parameter in olds.items():
        here = place.at(f" {' '.join(key)}")
        if key not in news:
            yield here.says("is gone")
        else:
            yield from schema_changes(here, parameter["schema"], news[key]["schema"])
    for key, parameter in news.items():
        if parameter.get("required") and not olds.get(key, {}).get("required"):
            yield place.at(f" {' '.join(key)}").says("is now required")


def _parameters(document: Node, operation: Node) -> dict[tuple[str, str], Node]:
    found = [resolved(document, parameter) for parameter in operation.get("parameters", ())]
    return {(parameter["in"], parameter["name"]): parameter for parameter in found}


def _body_changes(place: Place, before: Node, after: Node) -> Iterator[str]:
    here = place.at(" body")
    old, new = (resolved(d, o.get("requestBody", {})) for d, o in ((place.old, before), (place.new, after)))
    if new.get("required") and not old.get("required"):
        yield here.says("is now required")
    if old and not new:
        yield here.says("is gone")
    else:
        yield from _content_changes(here, old, new)


def _response_changes(place: Place, before: Node, after: Node) -> Iterator[str]:
    for status, answer in before["responses"].items():
        here = place.at(f" {status}")
        if status not in after["responses"]:
            yield here.says("the status is gone")
            continue
        old, new = resolved(place.old, answer), resolved(place.new, after["responses"][status])
        gone = [name for name in old.get("headers", {}) if name not in new.get("headers", {})]
        yield from (here.says(f"the header {name} is gone") for name in gone)
        yield from _content_changes(here, old, new)


def _content_changes(place: Place, old: Node, new: Node) -> Iterator[str]:
    before, after = old.get("content", {}), new.get("content", {})
    for media_type, content in before.items():
        if media_type in after:
            yield from schema_changes(place, content.get("schema", {}), after[media_type].get("schema", {}))
        else:
            yield place.says(f"the media type {media_type} is gone")
