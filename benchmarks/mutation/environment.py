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
    own_programs, programs = Path(sys.executable).parent, folder / "bin"
    for program in own_programs.iterdir():
        if program.is_file() and not (programs / program.name).exists():
            copy_program(program, programs / program.name)
    return programs / "python"


def copy_program(program: Path, target: Path) -> None:
    """Copy a program such as `dvc` for the new Python; link what is no program of the old one."""
    line = f"#!{program.parent}/python".encode()
    with program.open("rb") as file:
        if file.read(len(line)) != line:
            target.symlink_to(program)
            return
        target.write_bytes(f"#!{target.parent}/python".encode() + file.read())
    shutil.copymode(program, target)
