"""One thread a fit, as in the tests of training."""

from tests.tarmac.pipeline.training.conftest import one_thread  # noqa: F401
