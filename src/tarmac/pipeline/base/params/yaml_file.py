"""Read `params.yaml` as one strict model.

A mistake is an error that names file, line, key and what was expected.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tarmac.interface.errors import UserError, suggest_name
from tarmac.interface.problem import problem
from tarmac.interface.renamed import RENAMED_KEYS
from tarmac.pipeline.base.params.pipeline import (
    AnySplit,
    BaselineParams,
    EvaluateParams,
    IntervalParams,
    OnlineParams,
    PrepareParams,
    TrainParams,
)
from tarmac.pipeline.base.params.section import ParamsSection
from tarmac.pipeline.base.paths import PARAMS

if TYPE_CHECKING:
    from tarmac.interface.params import ProblemParams as ProblemParams  # noqa: PLC0414 -- stages import it from here
else:
    ProblemParams = problem.params.Params

EXPECTED = {  # in place of pydantic's words
    "extra_forbidden": "unknown key",
    "missing": "this key is missing",
    "model_type": "a section with keys is expected here",
    "dict_type": "a section with keys is expected here",
    "too_short": "at least one entry is expected here",
}


Engine = Literal["duckdb", "pyspark"]
Read = TypeVar("Read", bound=BaseModel)


class ParamsError(UserError):
    """`params.yaml` is missing or wrong; one line for each mistake."""


class ParamsSubset(ParamsSection, extra="ignore"):
    """Some sections of the file: each stage declares those that it reads.

    A mistake in another section does not stop the stage.
    """


class PipelineParams(ParamsSubset):
    """The sections that some stage reads; `tarmac.policy` has the whole file."""

    engine: Annotated[
        Engine,
        Field(description="What makes the tables and trains: this machine, or a Spark cluster"),
    ]
    problem: ProblemParams
    prepare: PrepareParams
    split: AnySplit
    train: TrainParams
    baseline: BaselineParams
    evaluate: EvaluateParams
    online: OnlineParams
    intervals: IntervalParams


class _ValueConstructor(SafeConstructor):
    """Raise `ConstructorError` with the place of a value that is not of its YAML type."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        """Return the value of a node. The date 2013-02-30, for example, is none."""
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            reason = f"{error} (got {node.value!r})"
            raise ConstructorError(None, None, reason, node.start_mark) from None


def load_params(sections: type[Read], path: Path = PARAMS) -> Read:
    """Read and check some sections. Raises `ParamsError` with every mistake on its line."""
    return read_yaml_model(path, sections)[0]


def read_yaml_model(path: Path, model: type[Read]) -> tuple[Read, Node | None]:
    """Read a file as YAML 1.2, like DVC, and check it. Returns the values, and where they stand.

    Raises `ParamsError` with every mistake on its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = YAML(typ="safe", pure=True).compose(text)
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file", "run from the repository's root") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise _build_yaml_error(path, error) from None
    if isinstance(tree, MappingNode) and not all(
        isinstance(key, ScalarNode) for key, _ in tree.value
    ):
        raise ParamsError(
            f"{path}:1: (the whole file): {EXPECTED['model_type']}",
            f"write `key: value` lines, or restore the file: `git restore {path}`",
        )
    if twice := _find_repeated_keys(tree):
        repeated = [f"{path}:{line}: {key}: this key is repeated" for line, key in twice]
        raise ParamsError("\n".join(repeated), "keep one of the lines with the key")
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _ValueConstructor
    try:
        return model.model_validate(yaml.load(text)), tree
    except YAMLError as error:
        raise _build_yaml_error(path, error) from None
    except ValidationError as error:
        lines = sorted(_locate_mistake(tree, mistake) for mistake in error.errors())
        message = "\n".join(f"{path}:{line}: {text}" for line, text in lines)
        raise ParamsError(message, _suggest_keys(model, error)) from None


def _build_yaml_error(path: Path, error: Exception) -> ParamsError:
    message = f"{path}: not valid YAML: {' '.join(str(error).split())}"
    return ParamsError(message, f"correct it, or restore it: `git restore {path}`")


def _locate_mistake(tree: Node | None, mistake: Any) -> tuple[int, str]:
    """Line and text of one of pydantic's mistakes."""
    where = _select_key_path(mistake["loc"])
    key = ".".join(str(part) for part in where) or "(the whole file)"
    expected = EXPECTED.get(mistake["type"], mistake["msg"].removeprefix("Value error, "))
    shown = mistake["input"]
    got = (
        f" (got {shown!r})" if not isinstance(shown, dict | BaseModel) and shown is not None else ""
    )
    return find_line_number(tree, where), f"{key}: {expected}{got}"


def _select_key_path(where: Sequence[Any]) -> list[Any]:
    """The keys of a place, without pydantic's own marks."""
    marks = ("function-", "literal[", "[")
    return [part for part in where if not str(part).startswith(marks)]


def _suggest_keys(model: type[BaseModel], error: ValidationError) -> str:
    """The known keys that unknown ones resemble, and where all are listed."""
    unknown = [mistake["loc"] for mistake in error.errors() if mistake["type"] == "extra_forbidden"]
    hints = [_suggest_key(str(where[-1]), _list_section_keys(model, where)) for where in unknown]
    listed = ["print the known keys with `tarmac params`"] if unknown else []
    return " ".join(filter(None, [*dict.fromkeys(hints), *listed]))


def _suggest_key(key: str, known: Sequence[str]) -> str:
    new = RENAMED_KEYS.get(key)
    return f"`{key}` was renamed `{new}`." if new in known else suggest_name(key, known)


def _list_section_keys(model: type[BaseModel], where: Sequence[Any]) -> list[str]:
    """The keys of the section that a key is in."""
    sections = [model]
    for part in _select_key_path(where[:-1]):
        fields = [each.model_fields[part] for each in sections if part in each.model_fields]
        if fields:  # else a key of a mapping, whose sections were found with its field
            sections = [inner for field in fields for inner in _find_sections(field.annotation)]
    return [key for section in sections for key in section.model_fields]


def _find_sections(kind: Any) -> list[type[BaseModel]]:
    """The sections that a type of values allows: itself, or those in its arguments."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [section for part in get_args(kind) for section in _find_sections(part)]


def _find_repeated_keys(node: Node | None) -> list[tuple[int, str]]:
    """Lines and names of keys that stand twice in one section: YAML would quietly take the last."""
    if not isinstance(node, MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    repeated = [
        (key.start_mark.line + 1, key.value)
        for n, (key, _) in enumerate(node.value)
        if key.value in keys[:n]
    ]
    return repeated + [pair for _, value in node.value for pair in _find_repeated_keys(value)]


def find_line_number(node: Node | None, where: list[Any]) -> int:
    """Line, counted from 1, of the deepest part of the key path that the file has."""
    line = 1
    for part in where:
        if isinstance(node, MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
