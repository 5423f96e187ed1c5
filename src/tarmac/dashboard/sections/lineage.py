"""Where the model comes from: commit, data, code, environment and parameters, and how to make it again."""

from tarmac.dashboard.known import MODEL, Known
from tarmac.dashboard.reading import short
from tarmac.dashboard.section import Block, Code, Commands, Section, Table
from tarmac.pipeline.base.paths import LOCK
from tarmac.reporting.trees import flatten
from tarmac.repository.lineage import Lineage

NONE = f"No commit here has made the {MODEL} that dvc.lock names, or it names none."


def section(known: Known) -> Section:
    """What the lock of the first commit with this model says of it."""
    found = known.lineage
    if found is None:
        return Section("lineage", "Lineage", NONE, [Commands("To make and commit one", ["make run"])])
    blocks: list[Block] = [_made(found)]
    if found.rebuild:
        blocks.append(Commands("To make every byte of it again", found.rebuild))
    if found.data_files:
        blocks.append(_files(found))
    if found.params:
        blocks.append(_params(found))
    return Section("lineage", "Lineage", _says(found), blocks, known.read(LOCK))


def _says(found: Lineage) -> str:
    if found.commit is None:
        return f"{MODEL} is not known to any commit: {'; '.join(found.notes)}."
    return f"{found.commit.author} committed it first, as {short(found.commit.name)} on {found.commit.date[:10]}."


def _made(found: Lineage) -> Table:
    rows = [(MODEL, Code(found.hash)), *((path, Code(md5)) for path, md5 in found.data.items())]
    rows += [(f"commit: {found.commit.subject}", Code(found.commit.name))] if found.commit else []
    rows += [("code of the stages that made it", Code(found.code))] if found.code else []
    rows += [("locked environment", Code(found.environment))] if found.environment else []
    return Table("What made it; hashes are MD5, as DVC names objects", ("of", "hash"), rows)


def _files(found: Lineage) -> Table:
    rows = [(Code(path), Code(md5)) for path, md5 in found.data_files.items()]
    return Table("Every file of the data", ("file", "hash"), rows, folded=True)


def _params(found: Lineage) -> Table:
    rows = [
        (stage, Code(key), Code(_plain(value)))
        for stage, tree in found.params.items()
        for key, value in flatten(tree).items()
    ]
    return Table("Every parameter that it was made with", ("stage", "parameter", "value"), rows, folded=True)


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
