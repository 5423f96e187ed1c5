"""Run one stage as `python -m` does, and report what it reads, opens and loads.

The report has the keys that the stage reads, the files that it opens and the modules that it loads.
This is a program of its own, started as `python -P runner.py STAGE REPORT` in a workspace with
`PYTHONPATH=src`: what it hooks stays hooked until the process ends. It stands alone, because
`tests` is no package in the workspace.
"""

import json
import os
import runpy
import sys
from pathlib import Path

ROOT = os.getcwd()  # noqa: PTH109 (also used within the audit hook, where pathlib's own work would be seen)
WHOLE = ("__dict__", "model_dump", "model_dump_json")  # attributes through which all keys are read


class Keys:
    """Read of a loaded parameter tree, by dotted key.

    What validation reads before `load` returns is not recorded.
    """

    def __init__(self):
        self.read = set()
        # id -> (model, its key, replaced fields); the model is kept so that its id stays its own
        self._known = {}

    def watch(self):
        """Hook `load` and both base classes.

        Every stage imports these modules; so the hook adds none to its list.
        """
        from tarmac.interface.params import ProblemParams
        from tarmac.pipeline.base import params
        from tarmac.pipeline.base.params.section import ParamsSection

        load = params.load_params
        params.load_params = lambda *arguments: self._remember(load(*arguments), "")

        def get(model, name):  # a function, since Python would not hand the model to a bound method
            return self._get(model, name)

        for base in (ParamsSection, ProblemParams):
            base.__getattribute__ = get

    def _remember(self, model, key, replaced=()):
        self._known[id(model)] = (model, key, replaced)
        for name, value in object.__getattribute__(model, "__dict__").items():
            if name not in replaced and _is_model(value):
                self._remember(value, f"{key}.{name}" if key else name)
        return model

    def _get(self, model, name):
        value = object.__getattribute__(model, name)
        if id(model) not in self._known:
            return value
        if name == "model_copy":
            return lambda **options: self._copy(model, value, **options)
        if name in WHOLE:
            self._note_all(model)
        elif name in type(model).model_fields:
            self._note(model, name)
        return value

    def _copy(self, model, copy, **options):
        """Copy a model without recording a read.

        The copy's keys count when they are read from the copy; keys that were replaced never count.
        """
        _, key, replaced = entry = self._known.pop(id(model))
        made = copy(**options)
        self._known[id(model)] = entry
        return self._remember(made, key, {*replaced, *(options.get("update") or {})})

    def _note(self, model, name):
        _, key, replaced = self._known[id(model)]
        if name not in replaced and not _is_model(object.__getattribute__(model, name)):
            self.read.add(f"{key}.{name}" if key else name)

    def _note_all(self, model):
        for name, value in object.__getattribute__(model, "__dict__").items():
            if _is_model(value):
                self._note_all(value)
            else:
                self._note(model, name)


def _is_model(value):
    return hasattr(type(value), "model_fields")


def watch_opens(opened):
    """Add the path of every workspace file that Python opens to read, from now on, to `opened`."""

    def hook(event, arguments):
        if event != "open" or not isinstance(arguments[0], str | os.PathLike):
            return
        path, flags = os.path.abspath(arguments[0]), arguments[2]  # noqa: PTH100
        if (
            path.startswith(ROOT + os.sep)
            and flags & os.O_ACCMODE != os.O_WRONLY
            and os.path.isfile(path)  # noqa: PTH113
        ):
            opened.add(os.path.relpath(path, ROOT))

    sys.addaudithook(hook)


def loaded():
    """The files under the workspace of the modules that are loaded."""
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return {
        os.path.relpath(file, ROOT) for file in files if file and file.startswith(ROOT + os.sep)
    }


def packages():
    """Return the names by which the loaded packages are imported.

    Built-in modules and modules without a file are left out.
    """
    return {
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if getattr(module, "__file__", None)
    }


def main(stage, report):
    """Run the stage and write the report, even if the stage fails.

    End with the stage's own status.
    """
    keys, opened = Keys(), set()
    keys.watch()
    watch_opens(opened)
    try:
        runpy.run_module(f"tarmac.pipeline.{stage}.stage", run_name="__main__", alter_sys=True)
    finally:
        found = {"keys": keys.read, "opened": opened, "modules": loaded(), "packages": packages()}
        Path(report).write_text(
            json.dumps({name: sorted(values) for name, values in found.items()})
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
