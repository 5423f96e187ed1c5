"""The live model: what prod has, else the latest version, else what is here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tarmac.interface.problem import problem
from tarmac.pipeline.base import paths
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.params import AnySplit, SplitParams
from tarmac.pipeline.base.paths import LOCK
from tarmac.pipeline.models.scorer import Scorer
from tarmac.registry.history import FETCH_OR_MAKE, RegistryError, list_events
from tarmac.registry.release import find_version_in_use
from tarmac.repository import clone, git
from tarmac.repository.dvc import commands, lockfile

MODEL, PARAMS, HERE = str(paths.MODEL), paths.PARAMS, "workspace"
WHAT = "months" if problem.contract.DAY else "rows"
SPLIT: TypeAdapter[AnySplit] = TypeAdapter(AnySplit)


@dataclass(frozen=True)
class LiveModel:
    """A model in use, with the months, or the shares of rows, that it was made from."""

    version: str
    commit: str
    md5: str
    split: AnySplit
    scorer: Scorer

    @property
    def months(self) -> SplitParams:
        """Its months, which rows with a time have."""
        assert isinstance(self.split, SplitParams)
        return self.split


def load_live_model() -> LiveModel:
    """Load the live model. Raises `UserError` where its file or its months cannot be had."""
    event = find_version_in_use(list_events())
    if event is None:
        return _load_model(
            HERE, git.resolve_commit("HEAD") or "", Path(MODEL), PARAMS.read_text(encoding="utf-8")
        )
    with _open_model(event.commit) as path:
        return _load_model(
            event.version, event.commit, path, git.read_text_at(event.commit, PARAMS) or ""
        )


@contextmanager
def _open_model(commit: str) -> Iterator[Path]:
    """A commit's model: the file that is here where it is the same."""
    wanted = lockfile.parse_output_hashes(git.read_text_at(commit, LOCK) or "", commit).get(MODEL)
    if wanted is None:
        message = f"dvc.lock of commit {commit[:7]} does not contain {MODEL}"
        raise RegistryError(message, "run `make run`, commit its result, then `make release`")
    if Path(MODEL).is_file() and compute_dvc_hash(Path(MODEL)) == wanted:
        yield Path(MODEL)
        return
    with clone.open_clone(commit) as folder:
        commands.pull_outputs(MODEL, folder=folder, extra=clone.build_site_cache_env(folder))
        yield folder / MODEL


def _load_model(version: str, commit: str, path: Path, params: str) -> LiveModel:
    if not path.is_file():
        raise RegistryError(f"{path} is missing", FETCH_OR_MAKE)
    try:
        split = SPLIT.validate_python((YAML(typ="safe", pure=True).load(params) or {}).get("split"))
    except (YAMLError, ValueError):  # invalid YAML, a date that is none, or pydantic's error
        message = f"{PARAMS} of {version} has no valid section `split` with the {WHAT} of training"
        hint = "release a model that was made with such a section: `make run release`"
        raise RegistryError(message, hint) from None
    if isinstance(split, SplitParams) != (problem.contract.DAY is not None):
        message = f"{version} is a model of another problem"
        raise RegistryError(message, "release a model of this problem: `make run release`")
    return LiveModel(version, commit, compute_dvc_hash(path), split, Scorer(path))
