from collections.abc import Iterator

import pytest

from snnhw.train.evaluate import computing_threads


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread a test: threads that wait for each other take minutes where tests run side by side."""
    with computing_threads(1):
        yield
