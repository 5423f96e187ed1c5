"""The problem that this repository is about, role by role.

`pyproject.toml` names its package: `[tool.tarmac] problem = "..."`. A role is a module of that
package, at the place that `ROLES` says. It is imported on first use, so a stage loads no more of
the problem than it uses.
"""

import importlib.util
import sys
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarmac.interface.errors import UserError, suggest_name

if TYPE_CHECKING:
    from tarmac.interface import roles

# Also read without being run, to find which files a module may load: see
# `tarmac.repository.imports`.
ROLES: Mapping[str, str] = {
    "contract": "contract.columns",
    "params": "contract.params",
    "raw": "tables.raw",
    "schema": "tables.schema",
    "clean": "tables.clean",
    "source": "source.distribution",
    "row": "timeline.row",
    "features": "features.table",
    "slices": "evaluation.slices",
    "behaviour": "evaluation.behaviour",
    "request": "request.fields",
    "card": "card.words",
    "future": "leakage.future",
}
PROJECT, SOURCE = "pyproject.toml", "src"
RESTORE = f"resolve merge conflicts in it, or restore it with `git restore {PROJECT}`"


class ProblemError(UserError):
    """No problem is named, or the one that is named lacks a role."""


class Problem:
    """The roles of the problem; see `tarmac.interface.roles` for what each of them has."""

    if TYPE_CHECKING:
        contract: roles.ContractRole
        params: roles.ParamsRole
        raw: roles.RawRole
        schema: roles.SchemaRole
        clean: roles.CleanRole
        source: roles.SourceRole
        row: roles.RowRole
        features: roles.FeaturesRole
        slices: roles.SlicesRole
        behaviour: roles.BehavioursRole
        request: roles.RequestRole
        card: roles.CardRole
        future: roles.FutureRole
    else:

        def __getattr__(self, role: str) -> Any:
            """Import a role, and keep it.

            Raise `ProblemError` if the problem does not have the role.
            """
            if role not in ROLES:
                raise AttributeError(
                    f"a problem has no role {role}: the roles are {', '.join(ROLES)}"
                )
            module = f"{self.name}.{ROLES[role]}"
            try:
                loaded = importlib.import_module(module)
            except ModuleNotFoundError as error:
                if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                    raise
                missing = f"the problem has no module {module}, which is its role {role}"
                advice = f"add {SOURCE}/{module.replace('.', '/')}.py"
                raise ProblemError(missing, advice) from None
            setattr(self, role, loaded)
            return loaded

    @cached_property
    def name(self) -> str:
        """The name of the problem's package. Raises `ProblemError` where none is named."""
        for root in _list_candidate_roots(sys.path):
            if name := read_problem_name(root):
                if str(root / SOURCE) not in map(_resolve_entry, sys.path):
                    sys.path.append(str(root / SOURCE))
                return name
        raise ProblemError(
            f"no {PROJECT} here or next to the code names the problem",
            f'run it in a Tarmac repository, or set `[tool.tarmac] problem = "..."` in {PROJECT}',
        )

    @cached_property
    def folder(self) -> Path:
        """The folder of the problem's package."""
        spec = importlib.util.find_spec(self.name)
        if spec is None or spec.origin is None:
            sources = [root / SOURCE for root in _list_candidate_roots(sys.path)]
            packages = [path.name for source in sources for path in source.glob("*/")]
            raise ProblemError(
                f"{SOURCE} has no package {self.name}, which {PROJECT} names as the problem",
                f"{suggest_name(self.name, packages)} correct `problem` in {PROJECT}".lstrip(),
            )
        return Path(spec.origin).resolve().parent


def _list_candidate_roots(path: Sequence[str]) -> list[Path]:
    """Return the folders that may contain the problem.

    The repository whose code runs comes first, then the one that the working directory is in.
    """
    roots = [Path(entry).resolve().parent for entry in path if Path(entry).name == SOURCE]
    current = Path.cwd()
    return [*roots, current, *current.parents]


def _resolve_entry(entry: str) -> str:
    return str(Path(entry).resolve())


def read_problem_name(root: Path) -> str | None:
    """Return the problem that a repository names, or None if it names none.

    Raise `ProblemError` if the file cannot be read, or as `parse_problem_name` does.
    """
    path = root / PROJECT
    if not path.is_file():
        return None
    try:
        project = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"{path} cannot be read: {error}", RESTORE) from None
    return parse_problem_name(project)


def parse_problem_name(project: str) -> str | None:
    """Return the problem that the text of a `pyproject.toml` names; None where it names none.

    Raises `ProblemError` where the text is damaged, as by a merge.
    """
    try:
        settings = tomllib.loads(project)
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(f"{PROJECT} cannot be read: {error}", RESTORE) from None
    name = settings.get("tool", {}).get("tarmac", {}).get("problem")
    return name if isinstance(name, str) and name.isidentifier() else None


problem = Problem()
