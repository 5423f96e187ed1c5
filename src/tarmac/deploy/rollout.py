"""Roll an image out to the namespace of an environment.

If the image does not become ready, the one before comes back.
"""

import os
import re
from pathlib import Path

from tarmac.deploy.command import DeployError, run_command
from tarmac.interface.errors import exit_on_user_error
from tarmac.registry.history import ENVIRONMENTS, describe_unknown_environment

MANIFEST, PLACE = Path("deploy/kubernetes.yaml"), "image: IMAGE"
BY_DIGEST = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
PATIENCE = "5m"  # longer than the manifest's progressDeadlineSeconds, whose error says more


def roll_out_image(environment: str, image: str) -> str:
    """Apply the manifest with this image, wait, and return what was done in a line.

    Raise `DeployError` if the environment is unknown, or if the image is not named by its digest.
    Raise it also if kubectl fails, or if the image does not become ready.
    """
    if environment not in ENVIRONMENTS:
        raise DeployError(*describe_unknown_environment(environment))
    if not BY_DIGEST.fullmatch(image):
        message = f"the image {image!r} is not identified by its digest"
        raise DeployError(message, "add the digest: `IMAGE=name@sha256:…`")
    kubectl = ("kubectl", f"--namespace=tarmac-{environment}")
    manifest = MANIFEST.read_text(encoding="utf-8").replace(PLACE, f"image: {image}")
    print(run_command(*kubectl, "apply", "--filename=-", given=manifest))
    try:
        print(
            run_command(*kubectl, "rollout", "status", "deployment/tarmac", f"--timeout={PATIENCE}")
        )
    except DeployError:
        print(run_command(*kubectl, "rollout", "undo", "deployment/tarmac"))
        message = f"{image} did not become ready in {environment} and was rolled back"
        hint = f"find the cause: `{' '.join(kubectl)} get events`"
        raise DeployError(message, hint) from None
    return f"{environment} runs {image}"


if __name__ == "__main__":
    with exit_on_user_error():
        print(roll_out_image(os.environ.get("ENVIRONMENT", ""), os.environ.get("IMAGE", "")))
