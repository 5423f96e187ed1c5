"""Routes of the service.

A request is answered by the bundle that it found, whatever is promoted meanwhile.
"""

import asyncio
import json
import logging
import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST

from tarmac.serving import answer, meters
from tarmac.serving.bundle import Bundle
from tarmac.serving.explain import build_explained_response
from tarmac.serving.form import FORM
from tarmac.serving.guard import RequestLimitsMiddleware
from tarmac.serving.journal import Journal, ScoredRequest
from tarmac.serving.live import BundleReloader
from tarmac.serving.log import log_to_stdout
from tarmac.serving.openapi import EXPLAIN, PREDICT, REFUSALS, build_openapi
from tarmac.serving.question import RequestError, parse_body
from tarmac.serving.settings import Settings

JSON, POLL_SECONDS = "application/json", 1.0
FEW_BYTES = 10_000  # a larger body is answered in a thread, so that others are answered meanwhile
LARGE_AT_ONCE = 2  # of those: more would take memory and be no faster
logger = logging.getLogger(__name__)


def create() -> FastAPI:
    """The service, by the settings of the environment."""
    settings = Settings.from_environment()
    app = FastAPI(title="Tarmac", version="1", lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.state.live = BundleReloader(settings.bundle, settings.shadow)
    app.state.journal = Journal(app.state.live, settings.log)
    app.state.large = asyncio.Semaphore(LARGE_AT_ONCE)
    app.add_middleware(RequestLimitsMiddleware)
    app.add_exception_handler(RequestError, _handle_request_error)
    app.add_exception_handler(NotReady, _handle_not_ready)
    _add_routes(app)
    app.openapi = lambda: build_openapi(app)  # type: ignore[method-assign]
    return app


class NotReady(Exception):  # noqa: N818 -- an answer, no fault
    """There is no bundle."""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    log_to_stdout()
    live: BundleReloader = app.state.live
    await run_in_threadpool(live.refresh_bundles)
    app.state.journal.start()
    watch = asyncio.create_task(_watch_bundles(live))
    yield
    watch.cancel()
    await run_in_threadpool(app.state.journal.close)


async def _watch_bundles(live: BundleReloader) -> None:
    parent = multiprocessing.parent_process()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        # It would start no worker in place of this one, and hold the port.
        if parent and not parent.is_alive():
            signal.raise_signal(signal.SIGTERM)
        try:
            await run_in_threadpool(live.refresh_bundles)
        except Exception:
            logger.exception("the bundle could not be looked at")


async def _handle_request_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return _build_json_response({"detail": error.detail}, 422)


async def _handle_not_ready(_request: Request, _error: Exception) -> Response:
    return _build_json_response({"detail": "there is no bundle to answer with"}, 503)


def _build_json_response(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content, allow_nan=False), status, media_type=JSON)


def _require_bundle(request: Request) -> Bundle:
    bundle: Bundle | None = request.app.state.live.bundle
    if bundle is None:
        raise NotReady
    return bundle


async def _read_json_body(request: Request) -> bytes:
    """The body, which has to say that it is JSON."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != JSON:
        raise HTTPException(415, f"{JSON} is expected")
    return await request.body()


async def predict(request: Request) -> Response:
    """What the model says of one row, many rows, or columns of them."""
    bundle, body = _require_bundle(request), await _read_json_body(request)
    if len(body) < FEW_BYTES:
        answered, content = _predict_from_body(bundle, body)
    else:
        async with request.app.state.large:
            answered, content = await run_in_threadpool(_predict_from_body, bundle, body)
    request.scope["facts"] = {"rows": len(answered.rows), "version": bundle.version}
    request.app.state.journal.add_request(answered)
    return Response(content, media_type=JSON)


def _predict_from_body(bundle: Bundle, body: bytes) -> tuple[ScoredRequest, str]:
    rows, form = parse_body(body)
    inputs = bundle.build_inputs(rows)
    answered = ScoredRequest(bundle, rows, inputs, bundle.score(inputs))
    parts = (
        answered.scores,
        bundle.list_missing_inputs(inputs),
        bundle.list_unknown_categories(inputs),
    )
    meters.count_predictions(bundle.version, *parts)
    return answered, json.dumps(
        answer.build_response(form, bundle.version, *parts), allow_nan=False
    )


async def explain_(request: Request) -> Response:
    """What moved the answer to one row."""
    bundle, body = _require_bundle(request), await _read_json_body(request)
    async with request.app.state.large:
        return _build_json_response(await run_in_threadpool(_explain_from_body, bundle, body))


def _explain_from_body(bundle: Bundle, body: bytes) -> dict[str, Any]:
    rows, form = parse_body(body)
    if form != "row":
        message = "to explain a row, send its fields as the body itself, not in `rows` or `columns`"
        raise RequestError([{"loc": [], "msg": message, "type": "value_error"}])
    return build_explained_response(bundle, rows)


async def health(request: Request) -> Response:
    """Whether the service runs and can answer; status 503 where it cannot."""
    bundle: Bundle | None = request.app.state.live.bundle
    version = bundle.version if bundle else None
    return _build_json_response(
        {"live": True, "ready": bundle is not None, "version": version}, 200 if bundle else 503
    )


async def alive() -> Response:
    """Whether the process runs: where this is not answered it should be started again."""
    return _build_json_response({"live": True})


async def model(request: Request) -> Response:
    """What is served: version, lineage, metrics, card."""
    bundle, live = _require_bundle(request), request.app.state.live
    inputs = [*bundle.session.categories, *bundle.session.numbers]
    shadow = live.shadow.version if live.shadow else None
    description = {
        "version": bundle.version,
        "release": bundle.release,
        "inputs": inputs,
        "shadow": shadow,
    }
    return _build_json_response(
        {**description, "known_until": bundle.online.facts["until"], "card": bundle.card}
    )


async def metrics() -> Response:
    """For Prometheus."""
    return Response(await run_in_threadpool(meters.render_metrics), media_type=CONTENT_TYPE_LATEST)


def _add_routes(app: FastAPI) -> None:
    descriptions = {"predict": f"{FORM.title} for one row, many rows, or columns of them."}
    descriptions["explain"] = f"What each input added to the {FORM.name} of one row."
    app.post(
        "/predict", description=descriptions["predict"], responses=REFUSALS, openapi_extra=PREDICT
    )(predict)
    app.post(
        "/explain", description=descriptions["explain"], responses=REFUSALS, openapi_extra=EXPLAIN
    )(explain_)
    ready: dict[int | str, dict[str, Any]] = {
        200: {"model": answer.Health},
        503: {"model": answer.Health},
    }
    app.get("/health", responses=ready)(health)
    app.get("/health/live")(alive)
    none: dict[int | str, dict[str, Any]] = {
        200: {"model": answer.Model},
        503: {"model": answer.Refusal},
    }
    app.get("/model", responses=none)(model)
    app.get("/metrics", response_class=Response)(metrics)
