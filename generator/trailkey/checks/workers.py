"""cfn-lint in a process of its own, which loads it while the caller builds and proves, and then lints with as many workers as there are cores.

Loading takes as long as all the rest of a small run, and cfn-lint itself uses one core. What is found is the same however many work.
A question is a line, ``[file, text, *Regions]``, and so is its answer: ``[file, matches]``, or ``[file, why there are none]``.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from queue import SimpleQueue
from selectors import EVENT_READ, DefaultSelector
from socket import socket, socketpair
from threading import Thread
from typing import IO, TYPE_CHECKING, Any, Final

from trailkey.checks.lint import LintInput, LintMatch, lint_here, prepare
from trailkey.checks.quick_dataclasses import quicken
from trailkey.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trailkey.checks.lint import Answer

_PROGRAM: Final = "from trailkey.checks.workers import serve; serve()"
_CHUNK: Final = 1 << 16
_YOUNG: Final = 20_000
"""Objects that are made before the collector looks for cycles among them: at 700, as is the rule, that is a fourteenth of the work."""


class Linter:
    """A process that lints for this one. It is there from ``start`` to ``close``, and is asked until the first answer is waited for."""

    def __init__(self, cores: int = 0) -> None:
        self._cores = cores or cores_here()
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: tuple[Thread, ...] = ()
        self._questions: SimpleQueue[bytes] = SimpleQueue()
        self._told: dict[str, Any] = {}

    def start(self) -> None:
        """Let the process load cfn-lint; not, where this one has it loaded already or no process can be started."""
        if self._process is not None or "cfnlint" in sys.modules:
            return
        # -P: no module is taken from the folder that the run is in.
        command = [sys.executable, "-P", "-c", _PROGRAM, str(self._cores)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            process = subprocess.Popen(  # noqa: S603 # this Python, and a program of our own
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        except OSError:
            return
        # The process may not read yet, and pipes hold little: what is written and read waits beside what is built and proven.
        self._process = process
        self._threads = (
            Thread(target=self._write, args=[process.stdin], daemon=True),
            Thread(target=self._read, args=[process.stdout], daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def ask(self, templates: Mapping[str, LintInput]) -> Answer:
        """Give templates to the process, if it was started, and return what waits for the answer; else they are linted here then.

        What is returned raises UsageError for a Region that cfn-lint does not know.
        """
        for file, one in templates.items() if self._process else ():
            self._questions.put(_line([file, one.text, *one.regions]))

        def answer() -> dict[str, list[LintMatch]]:
            if not templates:
                return {}  # without a wait for what may still be loaded
            self._end()
            told = {file: self._told[file] for file in templates if file in self._told}
            for refusal in (found for found in told.values() if isinstance(found, str)):
                raise UsageError(refusal)
            # What has no answer is linted here: why it has none is met again, or is gone.
            found = lint_here({file: one for file, one in templates.items() if file not in told})
            found |= {file: [LintMatch.from_json(file, one) for one in matches] for file, matches in told.items()}
            return {file: found[file] for file in templates}

        return answer

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._end()
            self._process.wait()
            self._process = None

    def _end(self) -> None:
        """Wait until the process has answered all that it was asked, or has ended."""
        self._questions.put(b"")
        for thread in self._threads:
            thread.join()
        self._threads = ()

    def _write(self, pipe: IO[bytes]) -> None:
        with suppress(OSError), pipe:
            while question := self._questions.get():
                pipe.write(question)
                pipe.flush()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                with suppress(ValueError):
                    file, found = json.loads(line)
                    self._told[file] = found


def cores_here() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve() -> None:
    """Load cfn-lint, and answer what standard input asks on standard output, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks is interrupted, and then nobody does
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever else is printed is no answer
        quicken()
        prepare()
        gc.set_threshold(_YOUNG)
        cores = int(sys.argv[1])
        for answer in _shared(cores, answers) if cores > 1 and hasattr(os, "fork") else map(_answer, sys.stdin.buffer):
            answers.write(answer)
            answers.flush()


def _answer(question: bytes) -> bytes:
    file, text, *regions = json.loads(question)
    try:
        (found,) = lint_here({file: LintInput(text, tuple(regions))}).values()
    except UsageError as error:
        return _line([file, str(error)])
    return _line([file, [match.as_json() for match in found]])


def _line(content: list[Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _shared(cores: int, answers: IO[bytes]) -> Iterator[bytes]:
    """Yield the answers to what standard input asks, from as many workers as there are cores, each with one question at a time.

    A worker that dies takes its question along, which then has no answer. ``answers`` is where the caller writes, and no worker.
    """
    begun, waiting = b"", deque[bytes]()
    idle: list[socket] = []
    busy: set[socket] = set()
    with DefaultSelector() as selector:
        selector.register(0, EVENT_READ)
        while waiting or selector.get_map():
            while waiting and (idle or len(busy) < cores):
                worker = idle.pop() if idle else _worker([answers, *busy])
                worker.sendall(waiting.popleft() + b"\n")
                busy.add(worker)
                selector.register(worker, EVENT_READ)
            for key, _ in selector.select():
                if isinstance(key.fileobj, socket):
                    worker = key.fileobj
                    selector.unregister(worker)
                    busy.remove(worker)
                    if answer := _whole_line(worker):
                        idle.append(worker)
                        yield answer
                elif chunk := os.read(0, _CHUNK):
                    *lines, begun = (begun + chunk).split(b"\n")
                    waiting += lines
                else:
                    selector.unregister(0)
    for worker in idle:
        worker.close()
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _whole_line(worker: socket) -> bytes:
    """Return what a worker says up to the end of its line; nothing where it has ended."""
    line = b""
    while not line.endswith(b"\n"):
        chunk = worker.recv(_CHUNK)
        if not chunk:
            return b""
        line += chunk
    return line


def _worker(others: Iterable[socket | IO[bytes]]) -> socket:
    """Return where a new process takes questions, one line each, and answers; it has what is loaded here, and ends when nobody asks."""
    here, there = socketpair()
    if os.fork():
        there.close()
        return here
    try:
        for one in (here, *others):
            one.close()  # else neither side would see that the other has ended
        os.close(0)
        with there.makefile("rb") as questions:
            for question in questions:
                there.sendall(_answer(question))
    finally:
        os._exit(0)
