"""Lines kept off standard error."""

import os
import subprocess
import sys
import threading

import pytest

from cxr_edge.system.stderr import drop_lines


def test_the_line_is_dropped_and_no_other(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever else was written meanwhile follows in order, whole lines or not."""
    with drop_lines(b"Created delegate") as dropped:
        os.write(2, b"first\nINFO: Created delegate for CPU.\nlast")
    os.write(2, b"!\n")
    assert capfd.readouterr().err == "first\nlast!\n"
    assert dropped == [b"INFO: Created delegate for CPU.\n"]


def test_standard_error_is_there_again_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    """A model that cannot be opened does not silence the process."""

    def fail() -> None:
        with drop_lines(b"note"):
            os.write(2, b"note\nbroken\n")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "broken\nafter\n"


def test_threads_take_turns(capfd: pytest.CaptureFixture[str]) -> None:
    """Models opened by several threads at once leave standard error as it was."""

    def work(number: int) -> None:
        for _ in range(50):
            with drop_lines(b"note"):
                os.write(2, b"note\n" + f"{number}\n".encode())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"end\n")
    lines = capfd.readouterr().err.split()
    assert sorted(lines[:-1]) == sorted(str(number) for number in range(4) for _ in range(50))
    assert lines[-1] == "end"


def test_a_closed_standard_error_is_left_closed() -> None:
    """A daemon without one opens models too."""
    code = (
        "import os; os.close(2); from cxr_edge.system.stderr import drop_lines\n"
        "with drop_lines(b'x') as dropped: print(dropped)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert found.stdout == b"[]\n"
