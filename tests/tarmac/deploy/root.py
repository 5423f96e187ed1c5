"""A file system and a process of their own, as a container has them.

Linux namespaces provide both, without an engine.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# This machine's Debian stands for that of the image, and one of its Pythons for /usr/local. Only
# the folder's own files can be written, and not even they if it is to be read only.
ENTER = """
set -e
PATH=$PATH:/usr/sbin:/sbin
root=$1 python=$2 mode=$3 user=$4 folder=$5; shift 5
mount --make-rprivate /
mount --bind "$root" "$root"
for name in usr etc opt bin sbin lib lib64 dev; do
  if [ -L "/$name" ]; then ln -sfn "$(readlink "/$name")" "$root/$name"; continue; fi
  mkdir -p "$root/$name"; mount --rbind "/$name" "$root/$name"
done
for name in usr etc opt; do mount -o remount,ro,bind "$root/$name"; done
mount --bind "$python" "$root/usr/local"; mount -o remount,ro,bind "$root/usr/local"
mkdir -p "$root/proc" "$root/tmp" "$root$folder"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -o "remount,$mode,bind" "$root"
strict=
if [ "$user" != 0:0 ]; then \
strict="--clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"; fi
exec chroot "$root" setpriv --reuid="${user%:*}" --regid="${user#*:}" ${strict:---clear-groups} \
  env --chdir="$folder" "$@"
"""
FROM_HERE = (
    "PIP_",
    "SSL_",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)


@dataclass(frozen=True)
class Root:
    """A folder that is `/` for what runs in it."""

    folder: Path

    def command(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        workdir: str,
        user: str = "0:0",
        read_only: bool = False,
    ) -> list[str]:
        """The command line that runs words in here, as the first process that there is."""
        # Who is not root has no namespaces: the same words beside the machine's own files.
        if os.geteuid():
            path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
            plain = [f"{name}={value}" for name, value in {**env, "PATH": path}.items()]
            return [
                "env",
                f"--chdir={self.folder}{workdir}",
                "--ignore-environment",
                *plain,
                *words,
            ]
        given = [
            f"{name}={value}"
            for name, value in {"LD_LIBRARY_PATH": "/usr/local/lib", **env}.items()
        ]
        place = [str(self.folder), str(python()), "ro" if read_only else "rw", user, workdir]
        enter = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            ENTER,
            "enter",
            *place,
        ]
        return [*enter, "--ignore-environment", *given, *words]

    def run(self, words: Sequence[str], env: Mapping[str, str], workdir: str) -> None:
        """Run what builds, as root, with what this machine needs to reach a package index."""
        outer = {name: value for name, value in os.environ.items() if name.startswith(FROM_HERE)}
        subprocess.run(
            self.command(words, {**outer, **env}, workdir), check=True, stdout=sys.stderr
        )


@functools.cache
def python() -> Path:
    """Return the folder of the Python that stands for the image's.

    It has the same version if there is one.
    """
    for name in filter(None, (shutil.which("python3.13"), sys.executable)):
        done = subprocess.run(
            [name, "-c", "import sys; print(sys.base_prefix)"],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return Path(done.stdout.strip())
    raise AssertionError("this very Python does not run")


def missing() -> str:
    """Why no such root can be had on this machine; empty where one can."""
    if os.geteuid():
        return "only root may give a process a file system of its own"
    tools = [tool for tool in ("unshare", "setpriv", "chroot") if shutil.which(tool) is None]
    if tools:
        return f"{', '.join(tools)} not installed"
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stderr.strip()
