"""Make a virtual environment whose every process loads the mutant that its variable names."""

import shutil
import sys
import sysconfig
import venv
from pathlib import Path

from benchmarks.mutation import loader

LOADER = "tarmac_mutant_loader"


def make_environment(folder: Path, source: Path) -> Path:
    """Return the Python of an environment that has the current one's packages and `source`."""
    venv.EnvBuilder(symlinks=True).create(folder)
    (packages,) = folder.glob("lib/*/site-packages")
    shutil.copy(loader.__file__, packages / f"{LOADER}.py")
    lines = [
        str(source),
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})",
        f"import {LOADER}; {LOADER}.install_loader()",
    ]
    (packages / "mutant.pth").write_text("\n".join(lines), encoding="utf-8")
    here, there = Path(sys.executable).parent, folder / "bin"
    for program in here.iterdir():
        if program.is_file() and not (there / program.name).exists():
            copy_program(program, there / program.name)
    return there / "python"


def copy_program(program: Path, target: Path) -> None:
    """Copy a program such as `dvc`: if it is a script of Python, the copy runs the new Python."""
    line = f"#!{program.parent}/python".encode()
    content = program.read_bytes()
    target.write_bytes(content.replace(line, f"#!{target.parent}/python".encode(), 1))
    shutil.copymode(program, target)
