"""Processes that make training batches ahead of the network."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES, FakeRuntime
from interrupts import heed_interrupts

from cxr_edge.errors import MachineError
from cxr_edge.models.model import Model
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.training.batch_maker import Batch, BatchMaker, Source
from cxr_edge.training.batch_workers import BatchWorkers
from cxr_edge.training.config import FitConfig
from cxr_edge.training.teachers import Teachers

CONFIG = FitConfig(input=InputSpec(32, 32), batch_size=10, crop_area=0.5)
RNG = np.random.default_rng(0)
SOURCE = Source(
    RNG.integers(0, 256, (24, 46, 46, 1), np.uint8),
    np.arange(24) % 2,
    RNG.integers(0, 256, (5, 46, 46, 1), np.uint8),
)

pytestmark = pytest.mark.slow


def equal(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(vars(one)[name], vars(other)[name]) for name in vars(one))


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_are_those_of_one_process(workers: int) -> None:
    """Pixels, targets and weights, with teachers too, whatever the number and the order of asking;
    the next epoch is made ahead, and the end leaves no process."""
    source = replace(SOURCE, teachers=Teachers.open(["default"], CLASSES, 0.8))
    maker = BatchMaker(source, CONFIG)
    assert maker.steps == 3
    with BatchWorkers(source, CONFIG, workers) as made:
        assert made.steps == 3
        for epoch, index in ((0, 0), (0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (0, 1)):
            assert equal(made.make(epoch, index), maker.make(epoch, index))
        assert len(multiprocessing.active_children()) == workers
    assert not multiprocessing.active_children()


def test_teachers_that_need_keras_judge_in_the_process_of_the_network(spec: ModelSpec) -> None:
    """TensorFlow is not loaded once more for each process, and the targets are the same; opened
    there, this teacher would not be found."""
    teacher = Model("ab" * 32, "keras", FakeRuntime(spec))
    source = replace(SOURCE, teachers=Teachers((teacher,), CLASSES, 0.8, ("gone.keras",)))
    with BatchWorkers(source, CONFIG, 1) as made:
        assert equal(made.make(0, 1), BatchMaker(source, CONFIG).make(0, 1))


def test_a_process_that_ends_is_an_error_and_no_wait() -> None:
    """It is told what may be the matter, and how to go on."""
    with BatchWorkers(SOURCE, CONFIG, 2) as made:
        made.make(0, 0)
        pid = multiprocessing.active_children()[0].pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(MachineError, match=r"has ended .* fewer --workers"):
            _ = [made.make(1, index) for index in range(50)]
    assert not multiprocessing.active_children()


SCRIPT = """
import multiprocessing, sys, time
import numpy as np
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.batch_maker import Source
from cxr_edge.training.batch_workers import BatchWorkers
from cxr_edge.training.config import FitConfig
if __name__ == "__main__":
    source = Source(np.zeros((24, 32, 32, 1), np.uint8), np.arange(24) % 2)
    with BatchWorkers(source, FitConfig(input=InputSpec(32, 32)), 2) as made:
        made.make(0, 0)
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            sys.exit(130)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_processes_end_with_the_run(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """After Ctrl-C, which the terminal sends to all of them, and after a kill of the run alone;
    nothing but the run's own message is printed."""
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    with subprocess.Popen(
        [sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no thread runs here)
    ) as run:  # fmt: skip
        assert run.stdout
        assert run.stderr
        children = [int(pid) for pid in run.stdout.readline().split()]
        assert len(children) == 2
        send = os.killpg if number == signal.SIGINT else os.kill
        send(run.pid, number)
        assert run.wait(30) == code
        assert number == signal.SIGKILL or run.stderr.read() == ""
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [pid for pid in children if is_running(pid)]


EARLY = """
import multiprocessing, os, signal, sys
from concurrent.futures import ProcessPoolExecutor
import numpy as np
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.batch_maker import Source
from cxr_edge.training.batch_workers import BatchWorkers
from cxr_edge.training.config import FitConfig
class Interrupted(ProcessPoolExecutor):
    def submit(self, *arguments, **more):
        result = super().submit(*arguments, **more)
        os.killpg(0, signal.SIGINT)
        return result
if __name__ == "__main__":
    import cxr_edge.training.batch_workers as module
    module.ProcessPoolExecutor = Interrupted
    source = Source(np.zeros((24, 32, 32, 1), np.uint8), np.arange(24) % 2)
    try:
        BatchWorkers(source, FitConfig(input=InputSpec(32, 32)), 2)
    except KeyboardInterrupt:
        print(multiprocessing.active_children(), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        sys.exit(130)
"""


def test_an_interruption_while_processes_start_is_not_lost(tmp_path: Path) -> None:
    """The run ends, so does each process, and none of them prints a thing."""
    (tmp_path / "script.py").write_text(EARLY)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=False,
        start_new_session=True, timeout=120,
        preexec_fn=heed_interrupts,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "[] set()\n", "")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # nobody may be there to collect it
