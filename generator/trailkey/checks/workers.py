"""cfn-lint in a process of its own, which loads it while the caller builds and proves, and then lints with as many workers as there are cores.

Loading takes as long as all the rest of a small run, and cfn-lint itself uses one core. What is found is the same however many work.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import signal
import subprocess
import sys
from functools import lru_cache
from threading import Thread
from typing import IO, TYPE_CHECKING, Any, Final

from trailkey.checks.lint import LintInput, LintMatch, lint_here, prepare
from trailkey.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trailkey.checks.lint import Answer

Found = dict[str, list[dict[str, Any]]]
"""Matches as plain documents, by file."""

_YOUNG: Final = 20_000
"""Objects that are made before the collector looks for cycles among them: at 700, as is the rule, that is a fourteenth of the work."""
_PROGRAM: Final = "from trailkey.checks.workers import serve; serve()"


class Linter:
    """A process that lints for this one. It is there from ``start`` to ``close``, and is asked once."""

    def __init__(self, cores: int = 0) -> None:
        self._cores = cores or cores_here()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: Thread | None = None

    def start(self) -> None:
        """Let the process load cfn-lint; not, where this one has it loaded already or no process can be started."""
        if self._process is not None or "cfnlint" in sys.modules:
            return
        # -P: no module is taken from the folder that the run is in.
        command = [sys.executable, "-P", "-c", _PROGRAM]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            self._process = subprocess.Popen(  # noqa: S603 # this Python, and a program of our own
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        except OSError:
            self._process = None

    def ask(self, templates: Mapping[str, LintInput]) -> Answer:
        """Give templates to the process, if it was started, and return what waits for the answer; else they are linted here then.

        What is returned raises UsageError for a Region that cfn-lint does not know.
        """
        process = self._process
        if process is None or self._thread is not None or not templates:
            return lambda: lint_here(templates)
        asked = {file: [one.text, *one.regions] for file, one in templates.items()}
        request = json.dumps({"cores": self._cores, "templates": asked}).encode()
        told: list[bytes] = []
        # The process may not read yet, and pipes hold little: what is written and read waits beside what is proven.
        thread = self._thread = Thread(target=lambda: told.extend(process.communicate(request)), daemon=True)
        thread.start()

        def answer() -> dict[str, list[LintMatch]]:
            thread.join()
            try:
                found = json.loads(told[0])
            except (IndexError, ValueError):
                return lint_here(templates)  # it ended without an answer: why, is met again here, or is gone
            if isinstance(found, str):
                raise UsageError(found)
            return {file: [LintMatch.from_json(file, one) for one in found[file]] for file in templates}

        return answer

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            if self._thread is not None:
                self._thread.join()
            else:
                self._process.communicate()
            self._process = self._thread = None


def cores_here() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve() -> None:
    """Load cfn-lint, take one request from standard input, and answer on standard output; end where nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks is interrupted, and then nobody does
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)  # whatever else is printed is no answer
        setattr(dataclasses, "fields", _fields)  # noqa: B010 # before cfn-lint takes it
        prepare()
        gc.set_threshold(_YOUNG)
        request = sys.stdin.buffer.read()
        if request:
            asked = json.loads(request)
            templates = {file: LintInput(text, tuple(regions)) for file, (text, *regions) in asked["templates"].items()}
            json.dump(_answer(templates, asked["cores"]), answer)


def _fields(of: Any) -> tuple[dataclasses.Field[Any], ...]:
    """Return the fields of a dataclass, or of one of its objects, as they were told before.

    cfn-lint asks thousands of times a template for those of a few classes: that is a seventh of its work.
    """
    return _told(of if isinstance(of, type) else type(of))


_told: Final = lru_cache(maxsize=256)(dataclasses.fields)


def _answer(templates: Mapping[str, LintInput], cores: int) -> Found | str:
    """Return what is found, or why the question cannot be answered."""
    try:
        return _shared(templates, cores)
    except UsageError as error:
        return str(error)


def _shared(templates: Mapping[str, LintInput], cores: int) -> Found:
    """Return what is found by as many workers as there are cores, each with a share of the texts."""
    shares = _shares(templates, cores if hasattr(os, "fork") else 1)
    others = [_worker({file: templates[file] for file in share}) for share in shares[1:]]
    found = _found({file: templates[file] for file in shares[0]})
    for (process, pipe), share in zip(others, shares[1:], strict=True):
        with pipe:
            content = pipe.read()
        _, status = os.waitpid(process, 0)
        # A worker that failed failed for what it linted: here that is an error with its reason.
        found |= json.loads(content) if status == 0 else _found({file: templates[file] for file in share})
    return found


def _shares(templates: Mapping[str, LintInput], number: int) -> list[list[str]]:
    """Return the files in so many shares of about the same work, which goes by the length of texts."""
    shares: list[tuple[int, list[str]]] = [(0, []) for _ in range(max(1, min(number, len(templates))))]
    for file in sorted(templates, key=lambda one: (-len(templates[one].text), one)):
        least = min(range(len(shares)), key=lambda index: shares[index][0])
        work, files = shares[least]
        shares[least] = work + len(templates[file].text), [*files, file]
    return [files for _, files in shares]


def _worker(templates: Mapping[str, LintInput]) -> tuple[int, IO[bytes]]:
    """Return a process that lints some templates with what is loaded here, and where its answer is read."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, os.fdopen(reading, "rb")
    status = 1
    try:
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(_found(templates)).encode())
        status = 0
    finally:
        os._exit(status)


def _found(templates: Mapping[str, LintInput]) -> Found:
    return {file: [match.as_json() for match in found] for file, found in lint_here(templates).items()}
