"""A bundle: the folder with all that is served, as `make bundle` writes it.

It is loaded as one thing that never changes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.interface.request import Row
from tarmac.pipeline.models.session import ModelSession
from tarmac.serving.form import FORM
from tarmac.serving.online import (
    MAKE_AGAIN,
    OTHER_CODE,
    InputArrays,
    OnlineFeatures,
    format_mistakes,
    read_json,
)

# What a bundle's folder holds.
RELEASE, MODEL, CARD, ONLINE = ("release.json", "model.onnx", "card.md", "online")
PROBES = "probes.json"  # of the online features


class Bundle:
    """One version of the model with what it looks up."""

    def __init__(self, folder: Path) -> None:
        """Load the folder. Raises `UserError` where a part of it is missing or damaged."""
        if not (folder / RELEASE).is_file():
            message = f"{folder} is not a bundle: {RELEASE} is missing"
            raise UserError(message, "make a bundle: `make bundle`")
        self.folder, self.release = folder, read_json(folder / RELEASE)
        self.version = str(self.release.get("version"))
        try:
            self.card = (folder / CARD).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UserError(f"{folder / CARD} cannot be read: {error}", MAKE_AGAIN) from None
        try:
            self.session = ModelSession(folder / MODEL)
        except UserError as error:
            raise UserError(str(error), MAKE_AGAIN) from None
        self.online = OnlineFeatures(folder / ONLINE)
        self._check_probes(folder / ONLINE / PROBES)

    def build_inputs(
        self, rows: Sequence[Row], known: dict[str, list[Any]] | None = None
    ) -> InputArrays:
        """The model's inputs for some rows; what a client knows live goes before what is looked up.

        `known` is what `columns` makes of the rows, where the caller has it.
        """
        inputs = self.online.build_inputs(
            known or problem.request.columns(rows), self.session.categories, self.session.numbers
        )
        for number, row in enumerate(rows):
            if (live := getattr(row, "live", None)) is not None:
                self._overwrite_numbers(inputs.numbers[number], live.model_dump(exclude_none=True))
        return inputs

    def _check_probes(self, path: Path) -> None:
        """Raise `UserError` if this code is not that of the pipeline which made the bundle.

        The inputs of the probes differ then.
        """
        probes = read_json(path, "probes")["probes"]
        try:
            inputs = self.build_inputs(
                [
                    problem.request.Row.model_validate_json(json.dumps(probe["row"]))
                    for probe in probes
                ]
            )
        except ValidationError as error:
            message = f"{path} has other fields of a row than this code: {format_mistakes(error)}"
            raise UserError(message, OTHER_CODE) from None
        except KeyError as error:
            message = f"{path.parent} has no {error}, which is an input of the model"
            raise UserError(message, MAKE_AGAIN) from None
        wrong = set()
        for place, name in enumerate(self.session.numbers):
            wanted = np.array([probe["inputs"][name] for probe in probes], dtype=np.float32)
            if not np.array_equal(inputs.numbers[:, place], wanted, equal_nan=True):
                wrong.add(name)
        for place, name in enumerate(self.session.categories):
            if inputs.categories[:, place].tolist() != [probe["inputs"][name] for probe in probes]:
                wrong.add(name)
        if wrong:
            names = ", ".join(sorted(wrong))
            message = f"this code computes {names} differently from the pipeline of {self.version}"
            hint = f"serve {self.version} with its own code, or make a new model: `make run bundle`"
            raise UserError(message, hint)
        FORM.check_scores(self.score(inputs))

    def _overwrite_numbers(self, numbers: np.ndarray, live: dict[str, float]) -> None:
        for place, name in enumerate(self.session.numbers):
            if name in live:
                numbers[place] = live[name]

    def score(self, inputs: InputArrays) -> np.ndarray:
        """The model's answers: shape (rows,), or (rows, classes) where there are more than two."""
        return self.session.predict(inputs.categories, inputs.numbers)

    def select_background_rows(self, places: np.ndarray) -> InputArrays:
        """Training rows by their numbers, as inputs."""
        rows = self.online.background.take(places)
        texts, numbers = self.session.categories, self.session.numbers
        columns = [rows[name].to_numpy(zero_copy_only=False) for name in [*texts, *numbers]]
        # There may be none.
        categories = np.array(columns[: len(texts)], dtype=object).reshape(len(texts), len(places))
        return InputArrays(
            categories.T,
            np.array(columns[len(texts) :], dtype=np.float32).reshape(len(numbers), len(places)).T,
        )

    def list_missing_inputs(self, inputs: InputArrays) -> list[list[str]]:
        """Return for each row the names of the numbers that are not known.

        For these the model takes the way that it learned for missing numbers.
        """
        missing: list[list[str]] = [[] for _ in inputs.numbers]
        rows, places = np.nonzero(np.isnan(inputs.numbers))
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            missing[row].append(self.session.numbers[place])
        return missing

    def list_unknown_categories(self, inputs: InputArrays) -> list[list[str]]:
        """For each row the categories that training never saw."""
        known = [self.online.categories[name] for name in self.session.categories]
        names = self.session.categories
        unknown: list[list[str]] = [[] for _ in inputs.categories]
        for row, texts in enumerate(inputs.categories):
            for place, text in enumerate(texts):
                if text not in known[place]:
                    unknown[row].append(names[place])
        return unknown
