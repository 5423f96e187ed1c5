"""The server: imports the heavy packages at the first request, and forks itself for each."""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import client

del sys.path[0], sys.modules["client"]
# No module of this repository: a fork imports those of the folder that it runs in.
PRELOADED = """
    dvc.cli dvc.cli.parser dvc.repo dvc.repo.reproduce dvc.repo.experiments dvc.stage.run
    dvc.dvcfile dvc_data.index dvc.dependency.param dvc.output dvc_objects.fs.local dvclive.live
    gto.api ruamel.yaml numpy pandas pyarrow.parquet pyarrow.csv pyarrow.compute pyarrow.dataset
    duckdb ibis ibis.backends.duckdb ibis.backends.sql.compilers sqlglot pandera.pandas pydantic
    scipy.stats scipy.sparse sklearn.metrics sklearn.compose sklearn.impute sklearn.pipeline
    sklearn.preprocessing sklearn.linear_model sklearn.ensemble xgboost onnxruntime onnx skl2onnx
    onnxmltools onnxmltools.convert.xgboost.operator_converters.XGBoost optuna optuna.importance
    optuna sqlalchemy typer.core rich.console psycopg
"""
MOST = 1 << 20  # bytes of a request


class Server:
    """Forks for requests, passes exit statuses on, and kills a fork whose caller was killed."""

    def __init__(self, path: str) -> None:
        self.surroundings = client.surroundings()
        self.path = list(sys.path)
        self.waiting = selectors.DefaultSelector()
        self.ready = False
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listening.bind(path)
        self.listening.listen(64)
        self.waiting.register(self.listening, selectors.EVENT_READ, ())

    def serve(self) -> dict | None:
        """Answer requests; return one of them in the fork that is to run it."""
        while True:
            for key, _ in self.waiting.select():
                if key.fileobj is self.listening:
                    request = self.accept()
                    if request is not None:
                        return request
                else:
                    self.end(*key.data)

    def accept(self) -> dict | None:
        """Take one request; return it in its fork and None in the server."""
        peer, _ = self.listening.accept()
        message, files, _, _ = socket.recv_fds(peer, MOST, 3)
        request = json.loads(message) if message else {"surroundings": None}
        if request["surroundings"] != self.surroundings:
            peer.close()
        else:
            self.preload()
            process = os.fork()
            if not process:
                self.become(request, files)
                return request
            peer.send(b"y")
            self.watch(peer, process)
        for file in files:
            os.close(file)
        return None

    def watch(self, peer: socket.socket, process: int) -> None:
        """Wait for the end of a fork and for that of its caller."""
        child = os.pidfd_open(process)
        self.waiting.register(child, selectors.EVENT_READ, (peer, process, child, False))
        self.waiting.register(peer, selectors.EVENT_READ, (peer, process, child, True))

    def end(self, peer: socket.socket, process: int, child: int, gone: bool) -> None:
        """Reap a fork and tell its caller; where the caller is gone, kill the fork first."""
        if child not in self.waiting.get_map():
            return  # both ended at once
        if gone:
            os.kill(process, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with contextlib.suppress(OSError):
            peer.send(str(status).encode())
        for each in (child, peer):
            self.waiting.unregister(each)
        os.close(child)
        peer.close()

    def preload(self) -> None:
        """Import the heavy packages, once, and keep the collector from copying what they made."""
        if not self.ready:
            for name in PRELOADED.split():
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
            gc.collect()
            gc.freeze()
            self.ready = True

    def become(self, request: dict, files: list[int]) -> None:
        """Turn the fork into the process that its caller would have started."""
        for key in list(self.waiting.get_map().values()):
            os.close(key.fd)
        self.waiting.close()
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["variables"])
        time.tzset()
        sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
        added = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        sys.path[:] = [*map(os.path.abspath, added), *self.path]
        script = os.path.dirname(os.path.abspath(request["words"][0]))
        first = {"-m": [request["folder"]], "-c": [""], "script": [script], "file": []}
        sys.path[:0] = first[request["kind"]]
        importlib.invalidate_caches()
        sys.executable = request["command"]  # what it starts itself is forked as well
        if os.environ.get("PYTHONUNBUFFERED"):
            sys.stdout.reconfigure(write_through=True)


def run(kind: str, words: list[str]) -> None:
    """Run a module, a piece of code or a file as the main program."""
    name, *arguments = words
    sys.argv = [{"-c": "-c", "-m": "-m"}.get(kind, name), *arguments]
    if kind == "-m":
        runpy._run_module_as_main(name)
    elif kind == "-c":
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(name, "<string>", "exec"), main.__dict__)
    else:
        runpy.run_path(name, run_name="__main__")


def status_of(error: SystemExit) -> int:
    """Return what Python makes of `sys.exit`."""
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def finish(request: dict) -> None:
    """Run the request in this fork and exit; the system frees its memory at once."""
    status = 0
    try:
        run(request["kind"], request["words"])
    except SystemExit as error:
        status = status_of(error)
    except BaseException:  # noqa: BLE001 - as Python itself, which shows whatever ends a program
        traceback.print_exc()
        status = 1
    with contextlib.suppress(BaseException):
        threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    finish(Server(sys.argv[1]).serve())
