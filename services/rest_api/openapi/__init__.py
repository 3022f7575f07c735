"""The OpenAPI 3.1 document, made from the catalogue and the error table: https://spec.openapis.org/oas/v3.1.1.html."""

from services.rest_api.openapi.document import openapi_document
from services.rest_api.openapi.examples import example_fields, example_outcome, operation_id
from services.rest_api.openapi.repeats import REPEATS

__all__ = ["REPEATS", "example_fields", "example_outcome", "openapi_document", "operation_id"]
