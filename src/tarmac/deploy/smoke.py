"""Start the image as strictly as it will run, send one request, and check the response."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from tarmac.deploy.command import DeployError, run_command
from tarmac.deploy.image import format_image_name, read_bundle_version
from tarmac.interface.errors import exit_on_user_error

STRICT = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
PATIENCE = 90  # seconds until it has to be healthy


def run_smoke_test(image: str, wanted: str) -> str:
    """Run a container of an image, and return what was seen in a line.

    Raise `DeployError` if something is not as it must be.
    """
    container = run_command(
        "docker",
        "run",
        "--detach",
        *STRICT,
        "--health-interval=1s",
        "--publish=127.0.0.1::8080",
        image,
    )
    try:
        _wait_until_healthy(container)
        user = run_command(
            "docker", "exec", container, "python", "-c", "import os; print(os.getuid())"
        )
        if user == "0":
            raise DeployError(f"{image} runs as root", "set another `USER` in the Dockerfile")
        base = f"http://{run_command('docker', 'port', container, '8080/tcp').splitlines()[0]}"
        return f"{image} as user {user}: {_check_service(base, wanted)}"
    finally:
        run_command("docker", "rm", "--force", container)


def _wait_until_healthy(container: str) -> None:
    """Wait until the image's own check reports that the container is healthy.

    Raise `DeployError` if the container ends or takes too long.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        state = json.loads(run_command("docker", "inspect", "--format={{json .State}}", container))
        if state["Status"] != "running":
            break
        if state["Health"]["Status"] == "healthy":
            return
        time.sleep(0.5)
    print(run_command("docker", "logs", container))
    message = f"the container is {state['Status']}, and was not healthy within {PATIENCE} s"
    raise DeployError(message, "read its log above")


def _check_service(base: str, wanted: str) -> str:
    version = _fetch_json(f"{base}/model")["version"]
    if version != wanted:
        message = f"the container serves version {version}, not {wanted}"
        raise DeployError(message, "build the image again: `make image`")
    prediction = _fetch_json(
        f"{base}/predict", find_example_request(_fetch_json(f"{base}/openapi.json"))
    )
    return f"{version} answers {json.dumps(prediction)[:200]}"


def find_example_request(openapi: Mapping[str, Any]) -> Any:
    """Return the first example of a request that the service gives.

    Raise `DeployError` if the service gives none.
    """
    content = openapi["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    if "example" in content:
        return content["example"]
    for example in content.get("examples", {}).values():
        return example["value"]
    message = "/openapi.json has no example of a request to /predict"
    raise DeployError(message, "add one to `EXAMPLES` in the package of the problem")


def _fetch_json(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=10) as response:
            return json.load(response)
    except (URLError, TimeoutError, ValueError) as error:
        message = f"{url} did not return a valid response: {error}"
        hint = "start the image with `docker run`, and read its log"
        raise DeployError(message, hint) from None


if __name__ == "__main__":
    with exit_on_user_error():
        print(run_smoke_test(format_image_name(), read_bundle_version()))
