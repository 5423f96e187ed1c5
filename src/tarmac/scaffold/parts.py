"""The parts of a project: the core, and what a team adds to it or leaves out.

A part is a folder of files. It brings its targets as `make/<part>.mk`, so that nothing has to be
merged but the lines of its file `gitignore`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from tarmac.interface.errors import suggest_name
from tarmac.pipeline.base.outputs import replace_output
from tarmac.scaffold.infer import ScaffoldError
from tarmac.scaffold.settings import format_created, read_settings, record_parts

CORE, ALL = "core", "all"
PARTS: Mapping[str, Sequence[str]] = {  # in the order in which they are written: what each needs
    "serve": (),
    "deploy": ("serve",),
    "retrain": ("serve",),
    "sweep": (),
    "gpu": (),
    "spark": (),
    "site": (),
    "remote": (),
}
FILES = Path(__file__).parent / "files"
RENDERED = ".tmpl"  # ends the name of a file with placeholders
HIDDEN = "dot_"  # begins a name that begins with a dot in the project
IGNORED = "gitignore"  # its lines come with a part
IGNORE_FILE = Path(".gitignore")


def parse_names(text: str) -> list[str]:
    """Return the names in a text that separates them by commas or spaces."""
    return text.replace(",", " ").split()


def select_parts(wanted: Iterable[str], without: Iterable[str] = ()) -> list[str]:
    """Return parts with those that they need, in the order in which they are written.

    Raise `ScaffoldError` if a name is unknown, or if a part needs one that is left out.
    """
    left_out = set(without)
    for name in left_out:
        check_part(name)
    chosen: set[str] = set()
    for name in wanted:
        if name == ALL:
            chosen.update(PARTS)
        else:
            check_part(name)
            chosen.update((name, *PARTS[name]))
    chosen.difference_update(left_out)
    for part in sorted(chosen):
        missing = left_out.intersection(PARTS[part])
        if missing:
            message = f"the part {part} needs {', '.join(sorted(missing))}, which is left out"
            raise ScaffoldError(message, f"leave out {part}, too, or neither")
    return [part for part in PARTS if part in chosen]


def check_part(name: str) -> None:
    """Raise `ScaffoldError` if there is no part of this name."""
    if not name:
        raise ScaffoldError("no part is named", f"name some of {', '.join(PARTS)}, or {ALL}")
    if name not in PARTS:
        hint = f"{suggest_name(name, PARTS)} use some of {', '.join(PARTS)}, or {ALL}".lstrip()
        raise ScaffoldError(f"unknown part {name!r}", hint)


def render_part(part: str, texts: Mapping[str, str]) -> dict[Path, str]:
    """Return the files that a part writes into a project, by their paths there."""
    root, rendered = FILES / part, {}
    placeholders = {**texts, "created": format_created(texts)}
    for source in sorted(path for path in root.rglob("*") if path.is_file()):
        inner = source.relative_to(root)
        if "__pycache__" in inner.parts or inner == Path(IGNORED):
            continue
        target = Path(*(re.sub(rf"^{HIDDEN}", ".", name) for name in inner.parts))
        text = source.read_text(encoding="utf-8")
        if target.suffix == RENDERED:
            target, text = target.with_suffix(""), Template(text).substitute(placeholders)
        rendered[target] = text
    return rendered


def write_parts(parts: Iterable[str], texts: Mapping[str, str], folder: Path) -> None:
    """Write the core and optional parts of a project, with those that they need, into a folder."""
    for part in (CORE, *select_parts(parts)):
        write_part(part, texts, folder)


def write_part(part: str, texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write a part into a project, and return the paths of its files there."""
    rendered = render_part(part, texts)
    for path, text in rendered.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if part != CORE:
        register_part(part, folder)
    return list(rendered)


def register_part(part: str, folder: Path) -> None:
    """Write to `.gitignore` and `pyproject.toml` of a project that it has a part.

    The order in which parts are added makes no difference.
    """
    parts = select_parts([*read_settings(folder).parts, part])
    path = folder / IGNORE_FILE
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    after = merge_ignored_paths(before, [read_ignored_paths(one) for one in parts])
    if after != before:
        with replace_output(path) as new:
            new.write_text(after, encoding="utf-8")
    record_parts(folder, parts)


def read_ignored_paths(part: str) -> str:
    """Return the lines of a part for `.gitignore`; empty if it has none."""
    path = FILES / part / IGNORED
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def merge_ignored_paths(text: str, blocks: Iterable[str]) -> str:
    """Return a `.gitignore` with blocks of lines at its end, in their order, each once."""
    added = [f"\n{block}" for block in blocks if block]
    for block in added:
        text = text.replace(block, "")
    if text and not text.endswith("\n"):
        text += "\n"
    present = {"", *text.splitlines()}
    return text + "".join(block for block in added if not present.issuperset(block.splitlines()))


def add_part(name: str, root: Path) -> Iterator[str]:
    """Add a part to the project in a folder, with the parts that it needs; yield what was written.

    Raise `ScaffoldError`, before anything is written, if the part is unknown, or if a file that
    differs would be overwritten.
    """
    settings = read_settings(root)
    wanted = list(PARTS) if name == ALL else [name]
    added = [part for part in select_parts(wanted) if part in wanted or part not in settings.parts]
    rendered = {part: render_part(part, settings.created) for part in added}
    check_nothing_is_overwritten(rendered, root)
    written = 0
    for part, files in rendered.items():
        lacking = [path for path in files if not (root / path).exists()]
        write_part(part, settings.created, root)
        yield from (f"wrote {path}" for path in lacking)
        written += len(lacking)
    new = [part for part in added if part not in settings.parts]
    if new:
        yield f"added {', '.join(new)}: `make help` lists the targets; next: commit"
    elif not written:
        yield f"nothing to do: the project has {', '.join(added)}"


def check_nothing_is_overwritten(rendered: Mapping[str, Mapping[Path, str]], root: Path) -> None:
    """Raise `ScaffoldError` if a project has other files where parts write theirs."""
    for part, files in rendered.items():
        other = [str(path) for path, text in files.items() if _is_taken(root, path, text)]
        if other:
            message = f"the part {part} writes {', '.join(other)}, and another one is here"
            raise ScaffoldError(message, "move or rename it, then run the same command again")


def _is_taken(root: Path, path: Path, text: str) -> bool:
    """Check whether a path has another content, or is below a file."""
    target = root / path
    if target.is_file():
        return target.read_bytes() != text.encode()
    above = (root / parent for parent in path.parents)
    return target.exists() or any(one.exists() and not one.is_dir() for one in above)
