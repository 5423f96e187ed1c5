"""Show where the model comes from, and how to make it again.

It comes from a commit, data, code, an environment and parameters.
"""

from tarmac.dashboard.page_blocks import Block, CodeCell, CommandList, PageSection, Table
from tarmac.dashboard.page_data import MODEL, PageData
from tarmac.dashboard.source_files import shorten_commit
from tarmac.pipeline.base.paths import LOCK
from tarmac.reporting.trees import flatten_tree
from tarmac.repository.lineage import Lineage

NONE = f"No commit here has made the {MODEL} that dvc.lock names, or it names none."


def build_section(known: PageData) -> PageSection:
    """What the lock of the first commit with this model says of it."""
    lineage = known.lineage
    if lineage is None:
        return PageSection(
            "lineage", "Lineage", NONE, [CommandList("To make and commit one", ["make run"])]
        )
    blocks: list[Block] = [_build_hash_table(lineage)]
    if lineage.rebuild:
        blocks.append(CommandList("To make every byte of it again", lineage.rebuild))
    if lineage.data_files:
        blocks.append(_build_file_table(lineage))
    if lineage.params:
        blocks.append(_build_params_table(lineage))
    return PageSection(
        "lineage", "Lineage", _summarize_lineage(lineage), blocks, known.list_sources(LOCK)
    )


def _summarize_lineage(lineage: Lineage) -> str:
    if lineage.commit is None:
        return f"{MODEL} is not known to any commit: {'; '.join(lineage.notes)}."
    commit = f"{shorten_commit(lineage.commit.name)} on {lineage.commit.date[:10]}"
    return f"{lineage.commit.author} committed it first, as {commit}."


def _build_hash_table(lineage: Lineage) -> Table:
    rows = [
        (MODEL, CodeCell(lineage.hash)),
        *((path, CodeCell(md5)) for path, md5 in lineage.data.items()),
    ]
    if lineage.commit:
        rows.append((f"commit: {lineage.commit.subject}", CodeCell(lineage.commit.name)))
    if lineage.code:
        rows.append(("code of the stages that made it", CodeCell(lineage.code)))
    if lineage.environment:
        rows.append(("locked environment", CodeCell(lineage.environment)))
    return Table("What made it; hashes are MD5, as DVC names objects", ("of", "hash"), rows)


def _build_file_table(lineage: Lineage) -> Table:
    rows = [(CodeCell(path), CodeCell(md5)) for path, md5 in lineage.data_files.items()]
    return Table("Every file of the data", ("file", "hash"), rows, folded=True)


def _build_params_table(lineage: Lineage) -> Table:
    rows = [
        (stage, CodeCell(key), CodeCell(_format_value(value)))
        for stage, tree in lineage.params.items()
        for key, value in flatten_tree(tree).items()
    ]
    return Table(
        "Every parameter that it was made with", ("stage", "parameter", "value"), rows, folded=True
    )


def _format_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
