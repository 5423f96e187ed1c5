"""Every route of the running service, with valid and invalid requests."""

import json
from typing import Any

import httpx
import pytest

from tarmac.interface.problem import problem
from tarmac.serving.guard import MOST_BYTES
from tarmac.serving.question import LONGEST_NAME, MOST_ERRORS, MOST_ROWS
from tests.tarmac.serving import bundles
from tests.tarmac.serving.running import Service, running
from tests.waiting import wait_for

pytestmark = pytest.mark.server

ROWS = list(problem.request.EXAMPLES.values())
ROW = ROWS[0]
JSON = {"content-type": "application/json"}
COLUMNS = {name: [row.get(name) for row in ROWS] for name in ROWS[1]}
TEXT = json.dumps(ROW)


@pytest.fixture(scope="module")
def client(service: Service):
    with service.client() as client:
        yield client


def post(client: httpx.Client, content: Any, path: str = "/predict") -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.post(path, content=body, headers=JSON)


def told(answer: httpx.Response, status: int = 422) -> list[dict[str, Any]]:
    """The mistakes of a refusal, which tells nothing of how the service is made."""
    assert answer.status_code == status, answer.text
    for inside in ("Traceback", "/src/", ".py", "tarmac.", "File "):
        assert inside not in answer.text
    return answer.json()["detail"]


def test_row_rows_and_columns_requests_give_equal_predictions(client):
    ones = [post(client, row).json() for row in ROWS]
    rows = post(client, {"rows": ROWS}).json()
    table = post(client, {"columns": COLUMNS}).json()["columns"]
    assert [{**one, "version": rows["version"]} for one in rows["predictions"]] == ones
    assert [
        dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)
    ] == rows["predictions"]
    assert all(0 < one["probability"] < 1 for one in ones)


def test_batch_predictions_equal_single_predictions(client):
    many = [
        {**ROW, "flight": 1 + number, "distance": 10 + number if number % 3 else None}
        for number in range(200)
    ]
    many = [{name: value for name, value in row.items() if value is not None} for row in many]
    assert post(client, {"rows": many}).json()["predictions"] == [
        {name: value for name, value in post(client, row).json().items() if name != "version"}
        for row in many
    ]


def test_whole_number_with_decimal_point_equals_integer(client):
    assert (
        post(client, {**ROW, "flight": 2247.0, "distance": 762.0}).json()
        == post(client, ROW).json()
    )


def test_reports_missing_and_unknown_inputs(client):
    found = post(client, {**ROW, "carrier": "ZZ", "dest": "ZZZ", "live": {"pressure": 1010}}).json()
    assert found["unknown"] == ["carrier", "dest"]
    assert "pressure" in post(client, ROW).json()["missing"]
    assert "pressure" not in found["missing"]


def test_explanation_sums_to_prediction(client):
    found = post(client, ROW, "/explain").json()
    assert found["probability"] == post(client, ROW).json()["probability"]
    total = found["base"] + sum(line["contribution"] for line in found["contributions"])
    assert total == pytest.approx(found["probability"], abs=1e-6)
    assert (
        told(post(client, {"rows": ROWS}, "/explain"))[0]["msg"]
        == "to explain a row, send its fields as the body itself, not in `rows` or `columns`"
    )


def test_model_and_health_report_served_release(client, bundle_folder):
    found = client.get("/model").json()
    assert found["release"] == json.loads((bundle_folder / "release.json").read_text())
    assert found["card"] == (bundle_folder / "card.md").read_text()
    assert client.get("/health").json() == {
        "live": True,
        "ready": True,
        "version": found["version"],
    }
    assert client.get("/health/live").json() == {"live": True}


def test_metrics_count_requests(client):
    before = meter(client, 'tarmac_requests_total{route="/predict",status="422"}')
    post(client, b"")
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=")
    assert meter(client, 'tarmac_requests_total{route="/predict",status="422"}') == before + 1


def meter(client: httpx.Client, name: str) -> float:
    lines = [
        line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")
    ]
    return float(lines[0].split()[-1]) if lines else 0


WRONG = [
    ("carrier", "dl"),
    ("carrier", ""),
    ("carrier", "\uff24L"),
    ("carrier", "\u0410A"),
    ("carrier", "DL\n"),
    ("carrier", "D\0"),
    ("carrier", None),
    ("carrier", 7),
    ("flight", 0),
    ("flight", 10_000),
    ("flight", "2247"),
    ("flight", 2247.5),
    ("flight", True),
    ("flight", 10**400),
    ("flight", [1]),
    ("origin", "ATL"),
    ("dest", "AT"),
    ("dest", {}),
    ("tailnum", "N967DL7"),
    ("tailnum", "n967dl"),
    ("distance", 9),
    ("distance", 1e6),
    ("live", []),
    ("live", "x"),
    ("scheduled_departure", "2013-12-30"),
    ("scheduled_departure", 1388430000),
    ("scheduled_arrival", "1388444400"),
    ("scheduled_arrival", "\uff12\uff10\uff11\uff13-12-30T16:35:00-05:00"),
    ("scheduled_arrival", "2013-12-30T16:35:00"),
    ("scheduled_arrival", "2013-13-30T16:35:00-05:00"),
    ("scheduled_arrival", None),
    ("never", "heard of"),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: repr(value)[:30])
def test_rejects_wrong_value_and_names_its_field(client, field, value):
    wrong = {**ROW, field: value}
    first = {"loc": [field]}
    assert told(post(client, wrong))[0].items() >= first.items()
    assert told(post(client, {"rows": [ROW, wrong]}))[0]["loc"][:3] == ["rows", 1, field]
    table = {
        name: [ROW.get(name), value]
        for name, value in wrong.items()
        if ROW.get(name) or field == name
    }
    assert told(post(client, {"columns": table}))[0]["loc"][:2] == ["columns", field]


TOGETHER = [
    ("scheduled_departure", "0001-01-01T00:00:00+00:00"),
    ("scheduled_departure", "9999-12-31T23:59:59-05:00"),
    ("scheduled_departure", "2013-12-30T14:00:00+05:00"),
    ("scheduled_departure", "2013-07-30T14:00:00-05:00"),
    ("scheduled_arrival", "2013-12-30T14:00:00-05:00"),
    ("scheduled_arrival", "2013-12-31T14:00:01-05:00"),
    ("scheduled_arrival", "9999-12-31T23:59:59-23:59"),
    ("scheduled_arrival", "0001-01-01T00:00:00+23:59"),
]


@pytest.mark.parametrize(("field", "value"), TOGETHER)
def test_rejects_inconsistent_times(client, field, value):
    assert field in told(post(client, {**ROW, field: value}))[0]["msg"]
    table = {name: [known, known] for name, known in ROW.items()}
    assert told(post(client, {"columns": {**table, field: [ROW[field], value]}}))[0]["loc"] == [
        "columns",
        1,
    ]


@pytest.mark.parametrize(
    "live", [{"temp": 131}, {"temp": -61}, {"visib": 20.1}, {"temp": "39"}, {"temp": True}]
)
def test_rejects_impossible_live_value(client, live):
    assert told(post(client, {**ROW, "live": live}))[0]["loc"] == ["live", *live]


NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    "9" * 5000,
    "0x10",
    "01",
    "1_000",
    "+1",
    ".5",
    "1.",
    "²",
]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:9])
def test_rejects_invalid_or_oversized_json_number(client, number):
    for field in (f'"flight": {number}', f'"flight": 2247, "live": {{"temp": {number}}}'):
        assert told(post(client, TEXT.replace('"flight": 2247', field).encode()))


BODIES = {
    "nothing": b"",
    "spaces": b" \n",
    "a byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "no UTF-8": TEXT.encode().replace(b"DL", b"D\xff"),
    "no UTF-8 in a name": TEXT.encode().replace(b"dest", b"d\xffst"),
    "half a surrogate": TEXT.replace("ATL", "\\ud800").encode(),
    "a null byte behind": TEXT.encode() + b"\0",
    "two rows": TEXT.encode() * 2,
    "half a row": TEXT.encode()[:-9],
    "a comma too many": TEXT.encode()[:-1] + b",}",
    "comments": b"/* */" + TEXT.encode(),
    "a list": f"[{TEXT}]".encode(),
    "a text": b'"row"',
    "a number": b"1",
    "null": b"null",
    "an empty object": b"{}",
    "deep lists": b"[" * 500_000,
    "deep objects": b'{"rows":' * 100_000,
    "depth in a field": TEXT.encode()[:-1] + b',"live":' + b'{"a":' * 9999 + b"1" + b"}" * 10_000,
    "rows and columns": json.dumps({"rows": ROWS, "columns": COLUMNS}).encode(),
    "rows and a field": json.dumps({"rows": ROWS, **ROW}).encode(),
    "no rows": b'{"rows": []}',
    "rows that are none": b'{"rows": {}}',
    "one row of null": b'{"rows": [null]}',
    "no columns": b'{"columns": {}}',
    "columns in a list": b'{"columns": []}',
    "empty columns": json.dumps({"columns": {name: [] for name in COLUMNS}}).encode(),
    "unequal columns": json.dumps({"columns": {**COLUMNS, "flight": [1, 2, 3]}}).encode(),
    "an unequal optional column": json.dumps({"columns": {**COLUMNS, "live": [None]}}).encode(),
    "a row too many": json.dumps({"rows": [ROW] * (MOST_ROWS + 1)}).encode(),
    "a column too long": json.dumps(
        {"columns": {name: [ROW[name]] * (MOST_ROWS + 1) for name in ROW}}
    ).encode(),
}


TWICE = {
    "of a row": ("carrier", TEXT[:-1] + ', "carrier": "AA"}'),
    "of one of many rows": ("carrier", f'{{"rows": [{TEXT[:-1]}, "carrier": "DL"}}]}}'),
    "of a nested object": ("temp", TEXT[:-1] + ', "live": {"temp": 1, "temp": 1}}'),
    "with an escape": ("carrier", TEXT[:-1] + ', "c\\u0061rrier": "AA"}'),
    "rows": ("rows", f'{{"rows": [{TEXT}], "rows": [{TEXT}]}}'),
    "columns": ("columns", f'{{"columns": null, "columns": {json.dumps(COLUMNS)}}}'),
    "a long name": ("a" * 40, f'{{"{"a" * 99}": 1, "{"a" * 99}": 1}}'),
}


@pytest.mark.parametrize(("name", "body"), TWICE.values(), ids=TWICE)
def test_refuses_key_that_object_has_twice(client, name, body):
    mistake = {"loc": [name], "msg": "this key appears twice in one object", "type": "json_invalid"}
    assert told(post(client, body.encode())) == [mistake]


@pytest.mark.parametrize("path", ["/predict", "/explain"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_rejects_invalid_request_body(client, body, path):
    mistakes = told(post(client, body, path))
    assert mistakes
    assert all({"loc", "msg", "type"} == set(mistake) for mistake in mistakes)


def test_accepts_maximum_number_of_rows(client):
    answer = post(client, {"columns": {name: [ROW[name]] * MOST_ROWS for name in ROW}})
    assert answer.status_code == 200, answer.text
    assert (
        answer.json()["columns"]["probability"]
        == [post(client, ROW).json()["probability"]] * MOST_ROWS
    )


def test_error_messages_omit_sent_values_and_are_bounded(client):
    secret = "HUNTER2" * 3
    for field in [*ROW, "live"]:
        for wrong in (
            {**ROW, field: secret},
            {**ROW, field: {secret: secret}},
            {**ROW, field: [secret]},
        ):
            answer = post(client, wrong)
            assert secret not in json.dumps([mistake["msg"] for mistake in told(answer)])
            assert len(answer.content) < 3000
    names = {**ROW, **{f"{number}{'x' * 1000}": 1 for number in range(1000)}}
    mistakes = told(post(client, names))
    assert len(mistakes) == MOST_ERRORS
    assert all(len(mistake["loc"][0]) == LONGEST_NAME for mistake in mistakes)


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/json2", "x" * 99]
)
def test_rejects_body_not_declared_as_json(client, kind):
    headers = {"content-type": kind} if kind else {}
    answer = client.post("/predict", content=TEXT.encode(), headers=headers)
    assert told(answer, 415) == "application/json is expected"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/json ;v=1"]
)
def test_accepts_variants_of_json_content_type(client, kind):
    assert (
        client.post("/predict", content=TEXT.encode(), headers={"content-type": kind}).status_code
        == 200
    )


def test_chunked_body_gives_same_prediction(client):
    parts = (TEXT[start : start + 7].encode() for start in range(0, len(TEXT), 7))
    assert client.post("/predict", content=parts, headers=JSON).json() == post(client, ROW).json()


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 3 * MOST_BYTES])
def test_oversized_body_is_rejected_with_stated_limit(client, size):
    assert "8,388,608" in told(post(client, b" " * size), 413)
    assert "8,388,608" in told(
        client.post("/predict", content=iter([b" " * size]), headers=JSON), 413
    )
    assert post(client, ROW).status_code == 200


PATHS = [
    "/",
    "/predict/",
    "/Predict",
    "/../etc/passwd",
    "/%2e%2e/",
    "/health/live/x",
    "/%00",
    "/" + "x" * 9000,
    "/?a=1",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:12])
def test_unknown_path_returns_short_404_or_redirect(client, path):
    answer = client.get(path)
    assert answer.status_code == 404 or (answer.status_code == 307 and path == "/predict/")
    assert len(answer.content) < 100


@pytest.mark.parametrize("path", ["/health", "/health/live", "/model", "/metrics", "/openapi.json"])
def test_head_returns_status_and_type_of_get_without_body(client, path):
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "/predict", "POST"), ("HEAD", "/predict", "POST"), ("OPTIONS", "/predict", "POST"),
    ("PUT", "/predict", "POST"), ("DELETE", "/explain", "POST"), ("POST", "/health", "GET"),
    ("TRACE", "/health", "GET"), ("OPTIONS", "/metrics", "GET"), ("PATCH", "/model", "GET"),
])  # fmt: skip
def test_unsupported_method_returns_405_with_allowed_method(client, method, path, allowed):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_connection_is_kept_alive_across_requests(service):
    with service.client() as client:
        for body in (TEXT.encode(), b"no", b" " * 100, TEXT.encode()):
            post(client, body)
        streams = [
            answer.extensions["network_stream"]
            for answer in (post(client, ROW), client.get("/health"))
        ]
        assert streams[0].get_extra_info("client_addr") == streams[1].get_extra_info("client_addr")


def test_response_headers_hide_server_details(client):
    for answer in (client.get("/health"), post(client, b""), client.get("/no")):
        assert not {"server", "date", "x-powered-by"} & set(answer.headers)


QUICK = {"app.POLL_SECONDS": 0.05}


def test_service_without_bundle_waits_until_one_appears(bundle_folder, tmp_path):
    live = tmp_path / "live"
    with (
        running(live, tmp_path / "log", limits=QUICK, ready=False) as service,
        service.client() as client,
    ):
        assert (client.get("/health").status_code, client.get("/health").json()["ready"]) == (
            503,
            False,
        )
        assert client.get("/health/live").json() == {"live": True}
        for answer in (post(client, ROW), post(client, ROW, "/explain"), client.get("/model")):
            assert told(answer, 503) == "there is no bundle to answer with"
        bundles.point(live, bundle_folder)
        wait_for(lambda: client.get("/health").status_code == 200, "it is ready")
        assert post(client, ROW).status_code == 200


DAMAGE = {
    "release.json": b"{",
    "model.onnx": b"\x08\x07onnx",
    "online/facts.json": b'{"lookups": {}}',
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_bundle_is_served_only_after_repair(bundle_folder, tmp_path, name):
    """Check that a bundle is served once it is whole, without a signal.

    A copy that was slow to come is no other case.
    """
    folder = bundles.copied(bundle_folder, tmp_path / "bundle")
    part = folder / name
    whole = part.read_bytes()
    part.write_bytes(DAMAGE[name])
    with (
        running(folder, tmp_path / "log", limits=QUICK, ready=False) as service,
        service.client() as client,
    ):
        assert client.get("/health").json() == {"live": True, "ready": False, "version": None}
        (tmp_path / "whole").write_bytes(whole)
        # At once: half of it would be refused once more, as it should be.
        (tmp_path / "whole").replace(part)
        wait_for(lambda: client.get("/health").status_code == 200, "it is ready")
        assert len(service.events("bundle refused")) == 1
