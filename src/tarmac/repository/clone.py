"""Clone a commit into a temporary folder, next to the working tree."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tarmac.interface.problem import SOURCE
from tarmac.pipeline.base.wheel import read_pinned_wheel
from tarmac.repository.dvc import config
from tarmac.repository.git import run_git


@contextmanager
def open_clone(commit: str, trusted: bool = True) -> Iterator[Path]:
    """Yield a clone with a commit's files, which lasts as long as the block.

    The clone has this repository's cache and remotes. A commit that is not trusted gets its
    symbolic links as files, and this repository's settings of DVC.
    """
    with tempfile.TemporaryDirectory(prefix="tarmac-clone-") as temporary:
        folder = Path(temporary) / "clone"
        run_git("clone", "--quiet", "--shared", "--no-checkout", ".", str(folder))
        run_git(
            "-c",
            f"core.symlinks={str(trusted).lower()}",
            "checkout",
            "--quiet",
            "--detach",
            commit,
            folder=folder,
        )
        if not trusted:
            _replace_dvc_config(folder / ".dvc")
        _share_cache(folder)
        yield folder


def build_site_cache_env(folder: Path) -> dict[str, str]:
    """Variables with which DVC forgets a clone when it is gone."""
    return {"DVC_SITE_CACHE_DIR": str(folder.parent / "site")}


def build_code_path(folder: Path) -> str:
    """Return a `PYTHONPATH` with a clone's own code, and the release of Tarmac that it pins.

    The release is unpacked next to the clone.
    """
    paths, wheel = [folder / SOURCE], read_pinned_wheel(folder)
    if wheel is not None:
        release = folder.parent / "release"
        wheel.extract(release)
        paths.append(release)
    return os.pathsep.join(map(str, paths))


def _replace_dvc_config(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.unlink(missing_ok=True)
    folder.mkdir()
    shutil.copy(".dvc/config", folder)


def _share_cache(folder: Path) -> None:
    """Let the clone use this repository's cache, its local remotes and their credentials."""
    if not (folder / ".dvc").is_dir():
        return
    local = Path(".dvc/config.local")
    if local.is_file():
        shutil.copy(local, folder / ".dvc" / "config.local")
    config.lend_cache(folder)
