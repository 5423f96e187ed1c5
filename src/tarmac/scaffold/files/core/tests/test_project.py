"""What must hold of this project, whatever its features and its model are.

`make run` first, or `make pull`: the tests look at the result.
"""

from pathlib import Path

from tarmac.testing import checks


def test_stages_declare_the_code_that_they_import() -> None:
    checks.check_stage_dependencies()


def test_result_is_reproducible_bit_for_bit(tmp_path: Path) -> None:
    checks.check_result_is_reproducible(tmp_path)


def test_features_ignore_the_future(tmp_path: Path) -> None:
    checks.check_features_ignore_the_future(tmp_path)


def test_service_predicts_the_same_as_the_pipeline(tmp_path: Path) -> None:
    checks.check_service_predicts_the_same(tmp_path)


def test_model_behaves_as_declared() -> None:
    checks.check_behavior()
