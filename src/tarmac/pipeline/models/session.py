"""The ONNX file, run on arrays: all that the service needs of a model."""

import json
from pathlib import Path

import numpy as np
import onnxruntime

from tarmac.interface.errors import UserError

# ONNX Runtime sums the trees in another order on another number of threads: one thread gives the
# same digits on every machine and for every size of batch, and is no slower.
THREADS = 1


class ModelSession:
    """An ONNX model that knows the names of its inputs."""

    def __init__(self, path: Path) -> None:
        """Load the file.

        Raise `UserError` if it is missing, damaged, or no model of this package.
        """
        if not path.is_file():
            raise UserError(
                f"{path} is missing",
                "fetch it with `make pull`, or make it with `dvc repro`",
            )
        self._session = _open_session(path)
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        if not {"categories", "numbers"} <= self.metadata.keys():
            raise UserError(
                f"{path} does not name its inputs, so Tarmac did not export it",
                "fetch the model with `make pull`, or make it with `dvc repro`",
            )
        self.categories: list[str] = json.loads(self.metadata["categories"])
        self.numbers: list[str] = json.loads(self.metadata["numbers"])
        self._wanted = {item.name for item in self._session.get_inputs()}
        # After the label, where there is one.
        self._answer = [item.name for item in self._session.get_outputs()][-1]

    def predict(self, categories: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Return predictions in the shape of the task, float32.

        A row's texts (object) are in `categories`, its numbers (float32) in `numbers`.
        """
        feeds = {"categories": categories, "numbers": numbers}
        given = {name: values for name, values in feeds.items() if name in self._wanted}
        # A column a class; one where it is a number.
        answers = np.asarray(self._session.run([self._answer], given)[0])
        return answers if answers.shape[1] > 2 else answers[:, -1]


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 -- its exceptions have no base of their own
        advice = "delete it and fetch it again, for example with `make pull`"
        raise UserError(f"{path} is not a complete ONNX file ({error})", advice) from None
