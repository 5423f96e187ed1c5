"""OpenAPI description of the service.

Bodies are read by hand, for speed: their schemas come in by hand, of the same models.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tarmac.interface.problem import problem
from tarmac.serving.answer import Answer, AnswerColumns, Answers, Explained, Refusal
from tarmac.serving.question import Columns, Rows

REF = "#/components/schemas/{model}"


def _to_columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the fields that every row has, each as a list of values."""
    shared = set(rows[0]).intersection(*rows)
    columns: dict[str, list[Any]] = {}
    for name in rows[0]:
        if name in shared:
            columns[name] = [row[name] for row in rows]
    return columns


ROWS = list(problem.request.EXAMPLES.values())
MANY = {"many rows": {"rows": ROWS}, "columns": {"columns": _to_columns(ROWS)}}
WRONG = {
    408: "The body did not come in time",
    413: "The body is too large",
    415: "The body does not say that it is JSON",
    422: "The body is not what the service takes; each mistake has its place",
    503: "There is no model to answer with, or too much to do at once",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": why} for status, why in WRONG.items()
}


def _build_content(models: list[type[BaseModel]], examples: dict[str, Any]) -> dict[str, Any]:
    schema = {"anyOf": [{"$ref": REF.format(model=model.__name__)} for model in models]}
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"application/json": {"schema": schema, **({"examples": shown} if shown else {})}}


def _build_operation(
    request_models: list[type[BaseModel]],
    examples: dict[str, Any],
    response_models: list[type[BaseModel]],
) -> dict[str, Any]:
    answered = {
        "description": "The answer, in the form of the question",
        "content": _build_content(response_models, {}),
    }
    return {
        "requestBody": {"required": True, "content": _build_content(request_models, examples)},
        "responses": {"200": answered},
    }


PREDICT = _build_operation(
    [problem.request.Row, Rows, Columns],
    problem.request.EXAMPLES | MANY,
    [Answer, Answers, AnswerColumns],
)
EXPLAIN = _build_operation([problem.request.Row], problem.request.EXAMPLES, [Explained])


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        request_models: list[type[BaseModel]] = [problem.request.Row, Rows, Columns]
        response_models: list[type[BaseModel]] = [Answer, Answers, AnswerColumns, Explained]
        named = [
            *((model, "validation") for model in request_models),
            *((model, "serialization") for model in response_models),
        ]
        _, schemas = models_json_schema(named, ref_template=REF)  # type: ignore[arg-type]
        document["components"]["schemas"].update(schemas["$defs"])
        app.openapi_schema = document
    return app.openapi_schema
