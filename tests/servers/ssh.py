"""Debian's OpenSSH with a host key, a port and users' keys of its own."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import HOST, free_port
from tests.servers import Place, program, serving

SERVER = Path("/usr/sbin/sshd")
KEYS = ("host", "writer", "reader", "stranger")
CONFIG = """
Port {port}
ListenAddress {host}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Server:
    """A running server, which serves the account that runs the tests."""

    port: int
    folder: Path

    def place(self, path: str = "store", key: str = "writer") -> Place:
        """A folder on it, with somebody's key."""
        url = f"ssh://{account()}@{HOST}{self.folder / path}"
        return Place(url, (f"port={self.port}",), (f"keyfile={self.folder / key}",))


def account() -> str:
    """Whoever runs the tests: a server that is not root's serves nobody else."""
    return pwd.getpwuid(os.geteuid()).pw_name


@contextmanager
def ssh(folder: Path) -> Iterator[Server]:
    """Run a server on a free port.

    `writer` may do all, `reader` may not write, and `stranger` may not log in.
    """
    command, port = program(SERVER), free_port()
    for name in KEYS:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    writer, reader = ((folder / f"{name}.pub").read_text() for name in ("writer", "reader"))
    (folder / "authorized").write_text(f'{writer}command="internal-sftp -R" {reader}')
    (folder / "config").write_text(CONFIG.format(port=port, host=HOST, folder=folder))
    if not os.geteuid():
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd locks itself in
    with serving([command, "-D", "-e", "-f", folder / "config"], port, folder / "ssh.log"):
        yield Server(port, folder)
