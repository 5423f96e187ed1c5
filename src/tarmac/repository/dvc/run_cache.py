"""DVC's run cache: what stages have made of which inputs. `dvc repro` takes it instead of a run."""

from pathlib import Path
from typing import Any

from tarmac.pipeline.base.outputs import replace_output
from tarmac.pipeline.base.paths import LOCK, PIPELINE
from tarmac.repository.dvc import lockfile, object_store

SIZES = ["size", "nfiles"]  # of an entry, which DVC leaves out of a run's name


def save_commit_runs(folder: Path, site: str) -> str:
    """Save every run that the lockfile of a clone names; return why that failed, or nothing.

    `site` is a folder for DVC's notes.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import load_yaml

    try:
        with object_store.open_repo_with_site_cache(folder, site) as repo:
            for entry in load_yaml(str(folder / LOCK))["stages"].values():
                _save_run(repo, folder, entry)
    except (DvcException, KeyError, TypeError, FileNotFoundError) as error:
        return " ".join(str(error).split())
    return ""


def save_workspace_runs() -> None:
    """Save the runs of the working tree: DVC saves none of a stage whose outputs Git keeps."""
    from dvc.repo import Repo

    with Repo() as repo, repo.lock:
        for stage in repo.index.stages:
            if stage.cmd:
                repo.stage_cache.save(stage)


def _save_run(repo: Any, folder: Path, entry: lockfile.Entry) -> None:
    """Write a run as DVC does when a stage ends, and cache those of its outputs that Git keeps."""
    from dvc.stage import PipelineStage, create_stage
    from dvc.stage.loader import StageLoader
    from dvc.utils import dict_sha256
    from dvc.utils.serialize import dump_yaml

    paths = list(lockfile.collect_hashes([entry], "outs"))
    location = {"path": str(folder / PIPELINE), "wdir": str(folder)}
    stage = create_stage(PipelineStage, repo=repo, cmd=entry["cmd"], outs=paths, **location)
    StageLoader.fill_from_lock(stage, entry)
    for out in stage.outs:
        if out.exists:
            out.commit()
    key = dict_sha256({**entry, "outs": paths}, exclude=SIZES)
    path = Path(repo.stage_cache.cache_dir) / key[:2] / key / dict_sha256(entry, exclude=SIZES)
    if not path.exists():
        with replace_output(path) as partial:
            dump_yaml(str(partial), entry)
