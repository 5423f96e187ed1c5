"""Rolls an image out to a stage's namespace; where it does not become ready, the one before comes back."""

import os
import re
import sys
from pathlib import Path

from tarmac.deploy.command import DeployError, command
from tarmac.registry.history import STAGES

MANIFEST, PLACE = Path("deploy/kubernetes.yaml"), "image: IMAGE"
BY_DIGEST = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
PATIENCE = "5m"  # longer than the manifest's progressDeadlineSeconds, which tells more


def rollout(stage: str, image: str) -> str:
    """Applies the manifest with this image and waits; returns what was done in a line.

    Raises `DeployError` where stage or image is none, where kubectl refuses, or the image does not become ready.
    """
    if stage not in STAGES:
        raise DeployError(f"a stage is one of {', '.join(STAGES)}, not {stage!r}: STAGE=staging")
    if not BY_DIGEST.fullmatch(image):
        raise DeployError(f"an image is rolled out by its digest, not as {image!r}: IMAGE=name@sha256:…")
    kubectl = ("kubectl", f"--namespace=tarmac-{stage}")
    manifest = MANIFEST.read_text(encoding="utf-8").replace(PLACE, f"image: {image}")
    print(command(*kubectl, "apply", "--filename=-", given=manifest))
    try:
        print(command(*kubectl, "rollout", "status", "deployment/tarmac", f"--timeout={PATIENCE}"))
    except DeployError:
        print(command(*kubectl, "rollout", "undo", "deployment/tarmac"))
        raise DeployError(f"{image} did not become ready in {stage}: the one before is back") from None
    return f"{stage} runs {image}"


if __name__ == "__main__":
    try:
        print(rollout(os.environ.get("STAGE", ""), os.environ.get("IMAGE", "")))
    except ValueError as error:
        sys.exit(f"deploy: error: {error}")
