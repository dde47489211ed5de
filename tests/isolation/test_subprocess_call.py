"""A call in a process of its own."""

import os
import signal

import numpy as np
import pytest
from fakes import refuse

from cxr_edge.errors import CxrError
from cxr_edge.isolation.subprocess_call import call_in_subprocess
from cxr_edge.system.memory import peak_memory


def test_the_answer_is_of_another_process() -> None:
    """The function does not run here."""
    assert call_in_subprocess(os.getpid) != os.getpid()


@pytest.mark.slow
def test_memory_had_here_is_not_counted_there() -> None:
    """Its peak is its own, however much the process had that started it."""
    size = 400_000_000
    assert np.ones(size, np.uint8).all()
    assert peak_memory() > size
    assert call_in_subprocess(peak_memory) < size


def test_an_error_comes_back_with_its_message() -> None:
    """Errors of the tree cross over, whatever they are made of."""
    with pytest.raises(CxrError, match="it needs the extra 'evaluate'"):
        call_in_subprocess(refuse)


def test_a_process_that_dies_is_told() -> None:
    """Killed for want of memory, it is an error and no wait without end."""
    with pytest.raises(CxrError, match="exit code -9, most likely because memory was short"):
        call_in_subprocess(signal.raise_signal, signal.SIGKILL)
