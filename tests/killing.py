"""Runs write_output once for every file-system call it makes, each time killed at that call: a script of its own.

`python killing.py FOLDER FILES RUNS`: for n = 1, 2, … copies FOLDER to RUNS/n, writes FILES (JSON, name to text) into it in a
forked child that kills itself at call n, and stops with the first child that lives. Prints the calls of that one.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from trailkey.output.writer import write_output

CALLS = ("mkdir", "open", "write", "fsync", "replace", "rename", "unlink")


def run(folder: Path, files: dict[str, bytes], kill_at: int, trace: Path) -> None:
    made: list[str] = []

    def step(name: str) -> None:
        made.append(name)
        if len(made) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(name: str, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            step(name)
            if name == "write":  # half of it arrives
                original(args[0], bytes(args[1])[: len(args[1]) // 2])
                step("rest of write")
                return len(args[1]) // 2 + original(args[0], bytes(args[1])[len(args[1]) // 2 :])
            if name == "fsync":  # only a power cut would tell, and waiting for the disk is most of the time
                return None
            return original(*args, **kwargs)

        return call

    for name in CALLS:
        setattr(os, name, watched(name, getattr(os, name)))
    write_output(folder, files)
    kill_at = -1
    trace.write_text(json.dumps(made), encoding="utf-8")


def main() -> None:
    before, wanted, runs = (Path(argument) for argument in sys.argv[1:])
    files = {name: text.encode() for name, text in json.loads(wanted.read_text(encoding="utf-8")).items()}
    for kill_at in itertools.count(1):
        folder = runs / str(kill_at)
        if before.exists():
            shutil.copytree(before, folder)
        child = os.fork()
        if child == 0:
            run(folder, files, kill_at, runs / "calls.json")
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return


if __name__ == "__main__":
    main()
