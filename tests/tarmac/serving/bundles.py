"""Bundles to serve, and the link that says which one is served."""

import json
import shutil
from pathlib import Path

from tests.conftest import required

PARTS = {"models/card.md": "card.md", "data/online": "online"}


def write(folder: Path, version: str = "v0.0.1", model: str = "models/model.onnx") -> Path:
    """Write a bundle of what the repository has.

    `models/baseline.onnx` takes the same inputs from a timetable.
    """
    folder.mkdir(parents=True)
    for path, name in {**PARTS, model: "model.onnx"}.items():
        copy = shutil.copytree if required(path).is_dir() else shutil.copyfile
        copy(required(path), folder / name)
    release = {"version": version, "commit": "0" * 40, "metrics": {"roc_auc": 0.75}}
    (folder / "release.json").write_text(json.dumps(release), encoding="utf-8")
    return folder


def point(link: Path, folder: Path) -> None:
    """Make a link lead to a bundle in one step, as `make bundle` does."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.symlink_to(folder)
    fresh.replace(link)


def copied(bundle: Path, folder: Path) -> Path:
    """A copy to damage."""
    shutil.copytree(bundle, folder)
    return folder
