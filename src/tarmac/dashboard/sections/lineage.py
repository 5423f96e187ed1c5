"""Show where the model comes from, and how to make it again.

It comes from a commit, data, code, an environment and parameters.
"""

from tarmac.dashboard.known import MODEL, PageData
from tarmac.dashboard.page_blocks import Block, CodeCell, CommandList, PageSection, Table
from tarmac.dashboard.reading import shorten_commit
from tarmac.pipeline.base.paths import LOCK
from tarmac.reporting.trees import flatten_tree
from tarmac.repository.lineage import Lineage

NONE = f"No commit here has made the {MODEL} that dvc.lock names, or it names none."


def build_section(known: PageData) -> PageSection:
    """What the lock of the first commit with this model says of it."""
    found = known.lineage
    if found is None:
        return PageSection(
            "lineage", "Lineage", NONE, [CommandList("To make and commit one", ["make run"])]
        )
    blocks: list[Block] = [_build_hash_table(found)]
    if found.rebuild:
        blocks.append(CommandList("To make every byte of it again", found.rebuild))
    if found.data_files:
        blocks.append(_build_file_table(found))
    if found.params:
        blocks.append(_build_params_table(found))
    return PageSection(
        "lineage", "Lineage", _summarize_lineage(found), blocks, known.list_sources(LOCK)
    )


def _summarize_lineage(found: Lineage) -> str:
    if found.commit is None:
        return f"{MODEL} is not known to any commit: {'; '.join(found.notes)}."
    commit = f"{shorten_commit(found.commit.name)} on {found.commit.date[:10]}"
    return f"{found.commit.author} committed it first, as {commit}."


def _build_hash_table(found: Lineage) -> Table:
    rows = [
        (MODEL, CodeCell(found.hash)),
        *((path, CodeCell(md5)) for path, md5 in found.data.items()),
    ]
    rows += (
        [(f"commit: {found.commit.subject}", CodeCell(found.commit.name))] if found.commit else []
    )
    rows += [("code of the stages that made it", CodeCell(found.code))] if found.code else []
    rows += [("locked environment", CodeCell(found.environment))] if found.environment else []
    return Table("What made it; hashes are MD5, as DVC names objects", ("of", "hash"), rows)


def _build_file_table(found: Lineage) -> Table:
    rows = [(CodeCell(path), CodeCell(md5)) for path, md5 in found.data_files.items()]
    return Table("Every file of the data", ("file", "hash"), rows, folded=True)


def _build_params_table(found: Lineage) -> Table:
    rows = [
        (stage, CodeCell(key), CodeCell(_format_value(value)))
        for stage, tree in found.params.items()
        for key, value in flatten_tree(tree).items()
    ]
    return Table(
        "Every parameter that it was made with", ("stage", "parameter", "value"), rows, folded=True
    )


def _format_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
