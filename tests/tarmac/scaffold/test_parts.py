"""Every part of a project stands alone, and adding one gives what `--with` gives."""

import ast
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tarmac.interface.errors import UserError
from tarmac.scaffold import parts
from tarmac.scaffold.infer import ScaffoldError
from tarmac.scaffold.parts import CORE, FILES, IGNORED, PARTS
from tarmac.scaffold.settings import format_created, quote_text, read_settings, record_parts
from tests.conftest import ROOT

TEXTS = {
    "holder": "A",
    "license": "MIT",
    "name": "rents",
    "predicts": "The rent.",
    "rows": "2,400",
    "source": 'a "b" \\ ü.csv',
    "task": "regression",
    "time": "day",
    "title": "Rents",
    "year": "2026",
}
CHOICES = [(), *((part,) for part in PARTS), tuple(PARTS)]
SHELL = (".mk", ".yml", "Makefile", "Dockerfile")  # have variables of their own
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def write(folder: Path, *chosen: str) -> Path:
    folder.mkdir(exist_ok=True)
    parts.write_parts(chosen, TEXTS, folder)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def list_part_files(part: str) -> set[str]:
    return set(map(str, parts.render_part(part, TEXTS)))


def list_targets(folder: Path) -> set[str]:
    makefiles = [folder / "Makefile", *(folder / "make").glob("*.mk")]
    return set(chain.from_iterable(TARGET.findall(path.read_text()) for path in makefiles))


each_choice = pytest.mark.parametrize("chosen", CHOICES, ids=lambda chosen: "-".join(chosen) or "-")
each_part = pytest.mark.parametrize("part", PARTS)


@each_choice
def test_files_are_valid_and_have_no_placeholder(chosen: tuple[str, ...], tmp_path: Path) -> None:
    project = write(tmp_path, *chosen)
    placeholder = re.compile(rf"\$\{{?({'|'.join([*TEXTS, 'created'])})\b")
    for name, content in read(project).items():
        text = content.decode()
        assert text.endswith("\n"), name
        assert not Path(name).name.startswith("dot_"), name
        assert not name.endswith(".tmpl"), name
        if not name.endswith(SHELL):
            assert not placeholder.search(text), name
        if name.endswith((".yml", ".yaml")):
            assert list(yaml.safe_load_all(text)), name
        if name.endswith(".py"):
            ast.parse(text)
    settings = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["tarmac"]
    assert settings["created"] == TEXTS
    assert settings["parts"] == parts.select_parts(chosen)


@each_part
def test_part_that_is_left_out_leaves_nothing_behind(part: str, tmp_path: Path) -> None:
    others = [other for other in PARTS if other != part and part not in PARTS[other]]
    project = write(tmp_path, *others)
    files = list_part_files(part)
    assert files.isdisjoint(read(project))
    assert files
    ignored = parts.read_ignored_paths(part).splitlines()
    assert not {line for line in ignored if line} & set(
        (project / ".gitignore").read_text().split("\n")
    )
    own = TARGET.findall((FILES / part / "make" / f"{part}.mk").read_text())
    assert list_targets(project).isdisjoint(own)
    assert own


@pytest.mark.program
@each_choice
def test_make_knows_how_to_make_every_target(chosen: tuple[str, ...], tmp_path: Path) -> None:
    project = write(tmp_path, *chosen)
    (project / "requirements/tarmac.txt").write_text("")  # comes with the wheel
    targets = sorted(list_targets(project))
    command = ["make", "--dry-run", "--warn-undefined-variables", *targets]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if "undefined variable" not in line]
    assert warned == []
    text = "".join(path.read_text() for path in project.glob("make/*.mk"))
    phony = set(re.findall(r"[a-z-]+", " ".join(re.findall(r"\.PHONY: (.*)", text))))
    assert phony == set(TARGET.findall(text))


@pytest.mark.program
def test_spark_is_installed_only_where_it_is_asked_for(tmp_path: Path) -> None:
    project = write(tmp_path, "serve", "spark")
    (project / "requirements/tarmac.txt").write_text("")

    def run(*arguments: str) -> str:
        command = ["make", "--dry-run", *arguments]
        return subprocess.run(
            command, cwd=project, capture_output=True, text=True, check=True
        ).stdout

    assert "requirements/spark.txt" not in run("run")
    assert "requirements/spark.txt" not in run("predict")
    assert "requirements/spark.txt" in run("predict", "ON=spark")
    params = project / "params.yaml"
    params.write_text(re.sub(r"(?m)^engine:.*", "engine: pyspark", params.read_text()))
    assert "requirements/spark.txt" in run("run")
    (project / "make/spark.mk").unlink()
    command = ["make", "--dry-run", "predict", "ON=spark"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert "ON=spark needs the part spark: make add PART=spark" in done.stderr


@each_choice
def test_workflows_call_only_targets_and_workflows_that_exist(
    chosen: tuple[str, ...], tmp_path: Path
) -> None:
    project = write(tmp_path, *chosen)
    targets = list_targets(project)
    for path in (project / ".github/workflows").iterdir():
        called = re.findall(r"(?:run: |\n +|\()make (?:--silent )?([a-z-]+)", path.read_text())
        assert set(called) <= targets, path.name
        for name in re.findall(r"uses: \./(\S+)", path.read_text()):
            assert (project / name).is_file(), path.name


@each_part
def test_added_part_equals_one_from_the_start_byte_for_byte(part: str, tmp_path: Path) -> None:
    project = write(tmp_path / "core")
    lines = list(parts.add_part(part, project))
    assert read(project) == read(write(tmp_path / "with", part))
    needed = set(chain.from_iterable(map(list_part_files, parts.select_parts([part]))))
    assert {line.removeprefix("wrote ") for line in lines[:-1]} == needed
    before = read(project)
    assert list(parts.add_part(part, project)) == [f"nothing to do: the project has {part}"]
    assert read(project) == before


def test_order_of_adding_parts_makes_no_difference(tmp_path: Path) -> None:
    whole = read(write(tmp_path / "with", "all"))
    project = write(tmp_path / "core")
    for part in reversed(PARTS):
        list(parts.add_part(part, project))
    assert read(project) == whole
    assert list(parts.add_part("all", write(tmp_path / "all")))[-1].startswith("added serve, ")
    assert read(tmp_path / "all") == whole
    most = write(tmp_path / "most", "deploy", "site")
    assert list(parts.add_part("all", most))[-1].startswith("added retrain, sweep, gpu, ")


def test_adding_restores_a_lost_file_and_keeps_edits_of_other_parts(tmp_path: Path) -> None:
    project = write(tmp_path, "serve")
    (project / "make/serve.mk").write_text("# edited\n")
    list(parts.add_part("deploy", project))
    assert (project / "make/serve.mk").read_text() == "# edited\n"
    (project / "Dockerfile").unlink()
    assert list(parts.add_part("deploy", project)) == ["wrote Dockerfile"]


@pytest.mark.parametrize(
    ("taken", "named"),
    [
        ("Dockerfile", "Dockerfile"),
        (".github/workflows/image.yml", ".github/workflows/image.yml"),
        ("deploy", "deploy/nginx.conf"),
        ("make/serve.mk/mine", "make/serve.mk"),
    ],
)
def test_file_that_differs_is_not_overwritten(taken: str, named: str, tmp_path: Path) -> None:
    project = write(tmp_path)
    (project / taken).parent.mkdir(parents=True, exist_ok=True)
    (project / taken).write_text("mine\n")
    before = read(project)
    with pytest.raises(ScaffoldError, match=rf"writes .*{re.escape(named)}") as caught:
        list(parts.add_part("deploy", project))
    assert "same command again" in caught.value.hint
    assert read(project) == before


def test_same_file_is_no_obstacle(tmp_path: Path) -> None:
    project = write(tmp_path)
    (project / "Dockerfile").write_bytes((FILES / "deploy/Dockerfile").read_bytes())
    assert "wrote Dockerfile" not in list(parts.add_part("deploy", project))


def test_unknown_part_is_refused_with_suggestion_and_list(tmp_path: Path) -> None:
    project = write(tmp_path)
    before = read(project)
    with pytest.raises(ScaffoldError, match="unknown part 'server'") as caught:
        list(parts.add_part("server", project))
    listed = ", ".join(PARTS)
    assert caught.value.hint == f"did you mean `serve`? use some of {listed}, or all"
    for name in ("", CORE, "../serve"):
        with pytest.raises(ScaffoldError, match="unknown part" if name else "no part is named"):
            list(parts.add_part(name, project))
    assert read(project) == before


def test_selection_includes_needed_parts_and_respects_those_left_out() -> None:
    assert parts.select_parts(parts.parse_names("deploy, site")) == ["serve", "deploy", "site"]
    assert parts.select_parts(["all"]) == list(PARTS)
    assert parts.select_parts([]) == []
    assert parts.select_parts(["all"], ["gpu", "spark"]) == [
        part for part in PARTS if part not in {"gpu", "spark"}
    ]
    with pytest.raises(ScaffoldError, match="the part deploy needs serve, which is left out"):
        parts.select_parts(["deploy"], ["serve"])
    with pytest.raises(ScaffoldError, match="unknown part 'srve'"):
        parts.select_parts(["all"], ["srve"])


def test_needed_parts_are_known_and_need_nothing_more() -> None:
    for needed in PARTS.values():
        assert all(PARTS[part] == () for part in needed)
    assert {path.name for path in FILES.iterdir()} == {CORE, *PARTS}


def test_help_lists_every_part(tmp_path: Path) -> None:
    (line,) = re.findall(r"^add:.*", (FILES / CORE / "Makefile").read_text(), re.MULTILINE)
    assert [word for word in re.findall(r"[a-z]+", line) if word in PARTS] == list(PARTS)
    text = (ROOT / "src/tarmac/cli/project.py").read_text()
    assert f"{', '.join(PARTS)} or all." in text


def test_own_lines_of_gitignore_survive(tmp_path: Path) -> None:
    project = write(tmp_path)
    path = project / ".gitignore"
    path.write_text(path.read_text() + "/notes/\n/site/\n# made by make site\n/mine")
    list(parts.add_part("site", project))
    assert path.read_text().endswith("/notes/\n/site/\n# made by make site\n/mine\n")
    list(parts.add_part("serve", project))
    block = (FILES / "serve" / IGNORED).read_text()
    assert path.read_text().endswith(f"/mine\n\n{block}")
    path.unlink()
    list(parts.add_part("retrain", project))
    assert "/monitoring/" in path.read_text()


@pytest.mark.parametrize("text", ["", "[tool.tarmac]\n", "parts = [\n", "[tool.tarmac]\nparts=3\n"])
def test_folder_that_is_no_project_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UserError, match="does not say how the project was created"):
        list(parts.add_part("serve", tmp_path))
    (tmp_path / "pyproject.toml").unlink()
    with pytest.raises(UserError, match="does not say how the project was created"):
        list(parts.add_part("serve", tmp_path))


def test_parts_are_recorded_in_list_over_several_lines_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    created = '[tool.tarmac.created]\nname = "a"\n'
    path.write_text(f'[tool.tarmac]\nparts = [\n  "serve",\n]\n{created}')
    record_parts(tmp_path, ["serve", "site"])
    assert path.read_text() == f'[tool.tarmac]\nparts = ["serve", "site"]\n{created}'
    assert read_settings(tmp_path).parts == ["serve", "site"]
    odd = f"tool.tarmac.parts = []\n{created}"
    path.write_text(odd)
    with pytest.raises(UserError, match="has no line `parts"):
        record_parts(tmp_path, ["site"])
    assert path.read_text() == odd


@given(text=st.text(st.characters(codec="utf-8")))
def test_any_text_survives_in_toml(text: str) -> None:
    assert tomllib.loads(f"a = {quote_text(text)}") == {"a": text}
    assert tomllib.loads(format_created({"b": text, "a": "x"})) == {"a": "x", "b": text}


@pytest.mark.parametrize(
    "text", ['"', "\\", '"""', "a\nb\r\n", "\t\x00\x7f\x85\u2028", "ä€😀", "$x"]
)
def test_difficult_text_survives_in_toml(text: str) -> None:
    assert tomllib.loads(f"a = {quote_text(text)}") == {"a": text}
