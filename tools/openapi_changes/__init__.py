"""What a new OpenAPI document takes away from callers who were written for an old one.

No maintained comparer for OpenAPI 3.1 is published on PyPI or npm without a binary that is fetched at installation, so
this one knows what this module's document uses: operations, parameters, bodies, JSON Schema with `$ref` and `anyOf`,
statuses, headers and media types.

A request may ask for no more than before, an answer may give no less. What is added is not breaking: an operation, an
optional field, a wider bound of a request, a field of an answer, a value an answer may have (such as an error code).
"""

from tools.openapi_changes.operations import breaking_changes

__all__ = ["breaking_changes"]
