"""Count what one way of running the four steps requires of a team before it runs.

The figures are lines to write and packages to install.
"""

import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from itertools import pairwise
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.measure import MB

# What Tarmac itself brings; the four steps compute with the rest of its dependencies, dvclive's log
# apart.
ENGINE = {"dvc", "dvclive", "gto", "optuna", "psycopg", "sqlalchemy", "typer"}


def count_lines(path: Path) -> int:
    """Count the lines of a file, or of all files of a folder.

    Empty lines, comments and docstrings of one line do not count.
    """
    files = (
        [path]
        if path.is_file()
        else [file for file in path.rglob("*") if file.suffix in (".py", ".toml", ".yml")]
    )
    written: list[str] = []
    for file in files:
        written += [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return sum(bool(line) and not line.startswith(("#", '"""')) for line in written)


def count_stage_lines(path: Path, stages: tuple[str, ...]) -> int:
    """Lines of some stages in a `dvc.yaml`, without what only describes them."""
    text = path.read_text(encoding="utf-8").split("\nplots:")[0].splitlines()
    starts = [
        number for number, line in enumerate(text) if line.startswith("  ") and line[2:3].strip()
    ] + [len(text)]
    spans = {text[first].strip(" :"): text[first:after] for first, after in pairwise(starts)}
    assert spans.keys() == yaml.safe_load(path.read_text(encoding="utf-8"))["stages"].keys()
    kept: list[str] = []
    for stage in stages:
        kept += [line.strip() for line in spans[stage]]
    return sum(bool(line) and not line.startswith(("#", "desc:")) for line in kept)


def sum_megabytes(packages: Path, names: set[str]) -> float:
    """Size of some distributions that are installed in a `site-packages`, without bytecode."""
    installed = {
        canonicalize_name(package.name): package for package in distributions(path=[str(packages)])
    }
    return sum(_sum_bytes(package) for name, package in installed.items() if name in names) / MB


def list_computation_packages(project: Path) -> set[str]:
    """Return the names of the packages that the steps compute with.

    What those packages need is included, as installed here.
    """
    project_needs = [Requirement(line) for line in _read_dependencies(project)]
    return _list_needed_packages(
        [need for need in project_needs if canonicalize_name(need.name) not in ENGINE]
    )


def list_locked_packages(path: Path) -> set[str]:
    """Names of the packages in a file of requirements."""
    text = path.read_text(encoding="utf-8").splitlines()
    return {line.split("==")[0] for line in text if "==" in line and line[0] not in " #"}


def _read_dependencies(project: Path) -> list[str]:
    content = tomllib.loads(project.read_text(encoding="utf-8"))
    return list(content["project"]["dependencies"])


def _list_needed_packages(needs: list[Requirement]) -> set[str]:
    known: set[str] = set()
    asked: set[tuple[str, str]] = set()
    while needs:
        need = needs.pop()
        try:
            package = distribution(need.name)
        except PackageNotFoundError:  # for another system
            continue
        known.add(canonicalize_name(need.name))
        for extra in {"", *need.extras} - {extra for name, extra in asked if name == need.name}:
            asked.add((need.name, extra))
            wanted = [Requirement(text) for text in package.requires or []]
            needs += [
                one for one in wanted if one.marker is None or one.marker.evaluate({"extra": extra})
            ]
    return known


def _sum_bytes(package: Distribution) -> int:
    files = (Path(str(package.locate_file(file))) for file in package.files or [])
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())
