"""A run that has nothing new to do reads, hashes, compares and ends; whatever is new is proven and linted as if nothing was known."""

from __future__ import annotations

import json
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import ROOT, output_of, python
from trailkey import api, cli, pipeline
from trailkey.checks import cache, lint, workers
from trailkey.checks.cache import Store, users_store
from trailkey.checks.lint import LintInput, LintMatch
from trailkey.checks.workers import Linter
from trailkey.config.load import load
from trailkey.errors import CheckError, ConfigError, UsageError
from trailkey.output.manifest import ACCESS
from trailkey.output.writer import Change
from trailkey.remembered import Run

if TYPE_CHECKING:
    from collections.abc import Callable

OUTPUT: Final = "out"


SMALL: Final = """\
# the mirror of a single account
extends: single-account.yaml
name: small
accounts: {main: {id: "123456789012"}}
bucket: {name: example-mirror-logs}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two configs of the examples, one of which extends a third, and a cache of its own."""
    home = tmp_path / "cache"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    work = tmp_path / "work"
    work.mkdir()
    for name in ("single-account", "organization", "mirror"):
        shutil.copy(ROOT / "config" / f"{name}.yaml", work)
    (work / "small.yaml").write_text(SMALL, encoding="utf-8")
    monkeypatch.chdir(work)
    return work


class Counted:
    """How often something was proven, and how many templates were linted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proven: list[str] = []
        self.linted: list[str] = []
        prove, run = pipeline.prove, lint.lint_here

        def proving(rendered: Any) -> Any:
            self.proven.append(rendered.deployment.name)
            return prove(rendered)

        def linting(templates: Any) -> Any:
            self.linted += templates
            return run(templates)

        monkeypatch.setattr(pipeline, "prove", proving)
        monkeypatch.setattr(Linter, "start", lambda _: None)  # in this process, where it can be counted
        monkeypatch.setattr(workers, "lint_here", linting)

    def of(self, act: Callable[[], Any]) -> tuple[list[str], list[str]]:
        self.proven, self.linted = [], []
        act()
        return self.proven, sorted({one.partition("/")[0] for one in self.linted})


def generate(*configs: str, **options: Any) -> list[set[Change]]:
    """Generate configs and return what became of the files of each."""
    results = api.generate([f"{name}.yaml" for name in configs or ("single-account",)], OUTPUT, **options)
    return [{change.change for change in result.changes} for result in results]


UNCHANGED: Final = [{Change.UNCHANGED}]


def test_unchanged_run_loads_and_makes_nothing(place: Path) -> None:
    program = """
import sys
from trailkey import cli
code = cli.run(["generate", "single-account.yaml", "--output", "out"])
print(code, sorted({"trailkey.pipeline", "cfnlint", "troposphere", "pydantic", "yaml"} & sys.modules.keys()))
"""
    first, again = (python(place, "-c", program) for _ in range(2))

    assert first.stdout.splitlines()[0].startswith("wrote out/single-account/: 10 changed")
    assert first.stdout.splitlines()[-1] == "0 ['pydantic', 'trailkey.pipeline', 'troposphere', 'yaml']"
    assert again.stdout.splitlines()[0] == "kept out/single-account/: 0 changed, 10 unchanged"
    assert again.stdout.splitlines()[1:-1] == first.stdout.splitlines()[-2:-1]  # the notices
    assert again.stdout.splitlines()[-1] == "0 []"


@pytest.mark.usefixtures("place")
def test_check_of_what_was_written_is_remembered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    generate()
    counted = Counted(monkeypatch)

    assert counted.of(lambda: generate(check=True)) == ([], [])
    assert generate(check=True) == UNCHANGED


def altered(path: str, old: str, new: str) -> Callable[[Path], None]:
    def alter(place: Path) -> None:
        file = place / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return alter


def written(path: str, text: str) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")

    return write


OUTPUTS: Final = {"log-archive-key": {"KeyArn": "arn:aws:kms:us-east-1:555555555555:key/1234abcd-12ab-34cd-56ef-1234567890ab"}}  # fmt: skip
SOME: Final = {Change.UNCHANGED, Change.CHANGED}
CHANGES: Final[dict[str, tuple[str, Callable[[Path], object], set[Change]]]] = {
    "a comment of the config": ("small", altered("small.yaml", "# ", "# and "), {Change.UNCHANGED}),
    "a comment of what it extends": ("small", altered("single-account.yaml", "# ", "# and "), {Change.UNCHANGED}),
    "a tag of what it extends": ("small", altered("single-account.yaml", "owner: security", "owner: audit"), SOME),
    "outputs that are filled in": ("mirror", written("mirror.outputs.json", json.dumps(OUTPUTS)), SOME),
    "a template": ("small", altered("out/small/small.yaml", "Decrypt", "Encrypt"), SOME),
    "a page": ("small", written("out/small/access.md", ""), SOME),
    "a file that is gone": ("small", lambda place: (place / "out/small/deploy.sh").unlink(), {Change.UNCHANGED, Change.CREATED}),
    "a manifest": ("small", altered("out/small/rollout.json", "small", "smaller"), SOME),
    "what a killed run left": ("small", written("out/small/.trailkey-pending.json", "{}"), {Change.UNCHANGED}),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_changed_is_seen(what: str, place: Path) -> None:
    name, change, expected = CHANGES[what]
    generate(name)
    assert generate(name) == UNCHANGED
    before = _files(place / OUTPUT / name)
    change(place)

    assert generate(name) == [expected]
    after = _files(place / OUTPUT / name)
    assert (after == before) is (what not in ("a tag of what it extends", "outputs that are filled in"))
    assert after == output_of(load(Path(f"{name}.yaml")))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_refusal_for_another_folder_is_not_forgotten(place: Path) -> None:
    """Stacks of one name in one account and Region: seen by what lies beside, which a run reads too."""
    generate()
    assert generate() == UNCHANGED
    shutil.copytree(place / OUTPUT / "single-account", place / OUTPUT / "other")

    with pytest.raises(ConfigError):
        generate()


def test_config_that_is_refused_is_refused_again(place: Path) -> None:
    generate()
    altered("single-account.yaml", "tags: {owner: security}", "accepted_risks: [{id: readers-decrypt, reason: none}]")(
        place
    )
    for _ in range(2):
        with pytest.raises(CheckError, match="accepted-risk-unneeded"):
            generate()


def test_extends_in_another_form_is_not_remembered(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which file it is, only who reads YAML can say."""
    (place / "small.yaml").write_text(SMALL.replace("extends:", '"extends":'), encoding="utf-8")
    generate("small")
    store = users_store()

    assert store
    assert store.get(Run([place / "small.yaml"], place / OUTPUT, as_json=False).key) is None
    counted = Counted(monkeypatch)
    assert counted.of(lambda: generate("small")) == ([], [])  # proofs and lint are: they go by what was made
    altered("single-account.yaml", "owner: security", "owner: audit")(place)
    assert counted.of(lambda: generate("small"))[0] == ["small"]


def test_only_what_changed_is_proven_and_linted_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    shutil.copy(place / "single-account.yaml", place / "other.yaml")
    altered("other.yaml", "name: single-account", "name: other")(place)
    altered("other.yaml", '"777777777777"', '"123456789012"')(place)
    both = "single-account", "other"
    assert counted.of(lambda: generate(*both)) == ([*both], ["other", "single-account"])
    assert counted.of(lambda: generate(*both)) == ([], [])
    altered("single-account.yaml", "owner: security", "owner: audit")(place)
    assert counted.of(lambda: generate(*both)) == (["single-account"], ["single-account"])
    assert counted.of(lambda: api.generate(["other.yaml"], "elsewhere")) == ([], [])


@pytest.mark.usefixtures("place")
def test_another_program_proves_and_lints_all_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    generate()
    monkeypatch.setattr(cache, "identity", lambda: "another program")

    assert counted.of(generate) == (["single-account"], ["single-account"])


@pytest.mark.usefixtures("place")
def test_another_users_verdicts_count_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    counted = Counted(monkeypatch)
    generate()
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)

    assert counted.of(generate) == (["single-account"], ["single-account"])


@pytest.mark.usefixtures("place")
def test_no_cache_takes_nothing_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    everything = (["single-account"], ["single-account"])
    command = ["generate", "single-account.yaml", "--output", OUTPUT, "--quiet"]
    assert counted.of(lambda: cli.run([*command, "--no-cache"])) == everything
    assert counted.of(lambda: cli.run(command)) == everything
    assert counted.of(lambda: cli.run(command)) == ([], [])
    assert counted.of(lambda: cli.run([*command, "--no-cache"])) == everything


def test_page_is_the_one_that_was_made_of_the_proofs(place: Path) -> None:
    generate()
    page = (place / OUTPUT / "single-account" / ACCESS).read_bytes()
    shutil.rmtree(place / OUTPUT)
    generate()

    assert (place / OUTPUT / "single-account" / ACCESS).read_bytes() == page


DEFECTS: Final = {
    "type": ("Type: AWS::KMS::Key", "Type: AWS::KMS::Keys"),
    "property": ("EnableKeyRotation: true", "EnableKeyRotations: true"),
    "boolean": ("EnableKeyRotation: true", "EnableKeyRotation: often"),
    "number": ("PendingWindowInDays: 30", "PendingWindowInDays: 300"),
    "enumeration": ("KeyUsage: ENCRYPT_DECRYPT", "KeyUsage: DECRYPT"),
    "specification": ("KeySpec: SYMMETRIC_DEFAULT", "KeySpec: SYMMETRIC"),
    "reference": ("TargetKeyId: !Ref Key", "TargetKeyId: !Ref Keys"),
    "attribute": ("!GetAtt Key.Arn", "!GetAtt Key.Name"),
    "deletion policy": ("DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Keep"),
    "alias": ("AliasName: alias/cloudtrail-logs", "AliasName: cloudtrail logs"),
    "effect": ("Effect: Allow", "Effect: Permit"),
    "version": ('Version: "2012-10-17"', 'Version: "2012-10-18"'),
    "statement": ("Action:", "Actions:"),
    "tag": ("- Key: owner", "- Name: owner"),
    "format": ('AWSTemplateFormatVersion: "2010-09-09"', 'AWSTemplateFormatVersion: "2010-09-10"'),
    "output": ("Outputs:\n", "Outputs:\n  Bad Name: {Value: 1}\n"),
    "sub": ("${AWS::Partition}", "${AWS::Partitions}"),
    "rotation": ("RotationPeriodInDays: 365", "RotationPeriodInDays: 1"),
}
"""Defects that are put into the template of a key, one at a time."""


@pytest.fixture(scope="module")
def defective() -> dict[str, LintInput]:
    text = (ROOT / "output" / "organization" / "log-archive-key.yaml").read_text(encoding="utf-8")
    found = {}
    for name, (old, new) in DEFECTS.items():
        assert old in text, name
        found[f"{name}.yaml"] = LintInput(text.replace(old, new, 1), ("us-east-1",))
    return {**found, "sound.yaml": LintInput(text, ("us-east-1",))}


@pytest.fixture(scope="module")
def cold(defective: dict[str, LintInput]) -> dict[str, list[LintMatch]]:
    return lint.lint_here(defective)


def test_findings_are_the_same_cold_and_remembered(
    defective: dict[str, LintInput],
    cold: dict[str, list[LintMatch]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tmp_path.chmod(0o700)
    store = Store(tmp_path / "store")
    first, again = lint.lint(defective, store), lint.lint(defective, store)

    assert sum(bool(found) for file, found in cold.items() if file != "sound.yaml") >= 16
    assert first == again == [match for found in cold.values() for match in found]
    monkeypatch.setattr(lint, "lint_here", lambda templates: pytest.fail("linted again") if templates else {})
    assert lint.lint(defective, store) == first
    # The same text under another name has the same findings there; in another Region it is linted.
    (one,) = [name for name in defective if name.startswith("tag")]
    assert [match.file for match in lint.lint({"other.yaml": defective[one]}, store)][:1] == ["other.yaml"]
    with pytest.raises(pytest.fail.Exception):
        lint.lint({one: LintInput(defective[one].text, ("eu-west-1",))}, store)


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_findings_are_the_same_with_any_number_of_workers(
    cores: int,
    defective: dict[str, LintInput],
    cold: dict[str, list[LintMatch]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "cfnlint", raising=False)  # else it is used where it is loaded
    linter = Linter(cores)
    linter.start()
    try:
        assert linter._process
        assert linter.ask(defective)() == cold
    finally:
        linter.close()


def test_process_that_nobody_asks_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cfnlint", raising=False)
    linter = Linter()
    linter.start()
    process = linter._process
    assert process
    linter.close()

    assert process.returncode is not None


def test_region_that_is_not_known_is_an_error_from_the_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cfnlint", raising=False)
    linter = Linter()
    linter.start()

    with pytest.raises(UsageError, match=r"a\.yaml: Region mars-north-1 is unknown"):
        linter.ask({"a.yaml": LintInput("Resources: {}\n", ("mars-north-1",))})()
    linter.close()


@pytest.mark.parametrize("program", ["raise SystemExit('broken')", "print('{')", "import sys; sys.stdin.read()"])
def test_process_that_gives_no_answer_gives_no_clean_verdict(
    program: str,
    defective: dict[str, LintInput],
    cold: dict[str, list[LintMatch]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = next(file for file, found in cold.items() if found)
    monkeypatch.delitem(sys.modules, "cfnlint", raising=False)
    monkeypatch.setattr(workers, "_PROGRAM", program)
    linter = Linter()
    linter.start()

    assert linter.ask({one: defective[one]})() == {one: cold[one]}
    linter.close()


DYING = """
import os
from trailkey.checks import workers
answer = workers._answer
workers._answer = lambda question: os._exit(1) if b"tag.yaml" in question else answer(question)
workers.serve()
"""


@pytest.mark.parametrize("cores", [1, 2])
def test_worker_that_dies_takes_no_finding_along(
    cores: int,
    defective: dict[str, LintInput],
    cold: dict[str, list[LintMatch]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert cold["tag.yaml"]
    monkeypatch.delitem(sys.modules, "cfnlint", raising=False)
    monkeypatch.setattr(workers, "_PROGRAM", DYING)
    linter = Linter(cores)
    linter.start()
    few = {file: defective[file] for file in ("tag.yaml", "sub.yaml", "sound.yaml")}

    one, others = linter.ask({"sub.yaml": few.pop("sub.yaml")}), linter.ask(few)
    assert one() == {"sub.yaml": cold["sub.yaml"]}
    assert others() == {file: cold[file] for file in few}
    linter.close()


SLOW = """
import time
from trailkey.checks import workers

class Slow(workers.DefaultSelector):
    def select(self, timeout=None):
        time.sleep(0.2)  # meanwhile all workers have answered, and nobody asks any longer
        return super().select(timeout)

workers.DefaultSelector, workers.prepare = Slow, lambda: None
workers._answer = lambda question: b'["%s", []]\\n' % question[2:8]
workers.serve()
"""


def test_what_waits_is_answered_when_all_workers_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cfnlint", raising=False)
    monkeypatch.setattr(workers, "_PROGRAM", SLOW)
    monkeypatch.setattr(workers, "lint_here", lambda templates: pytest.fail(f"{[*templates]}") if templates else {})
    linter = Linter(2)
    linter.start()

    asked = {f"{number}.yaml": LintInput("", ("us-east-1",)) for number in range(7)}
    assert linter.ask(asked)() == {file: [] for file in asked}
    linter.close()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="who runs is read from /proc")
def test_workers_end_with_their_process(defective: dict[str, LintInput], monkeypatch: pytest.MonkeyPatch) -> None:
    def running() -> int:
        found = 0
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                found += b"# of this test" in path.read_bytes()
        return found

    monkeypatch.delitem(sys.modules, "cfnlint", raising=False)
    monkeypatch.setattr(workers, "_PROGRAM", f"{workers._PROGRAM}  # of this test")
    linter = Linter(3)
    linter.start()
    linter.ask({f"{at}/{file}": one for at in range(20) for file, one in defective.items()})
    patience = time.monotonic() + 60
    while running() < 4 and time.monotonic() < patience:
        time.sleep(0.05)
    assert running() == 4
    linter.close()  # as where the run is interrupted
    while running() and time.monotonic() < patience:
        time.sleep(0.05)
    assert running() == 0


def test_no_module_is_taken_from_the_folder_of_the_run(place: Path) -> None:
    """A checkout from elsewhere may hold a json.py."""
    for name in ("json", "cfnlint", "yaml"):
        (place / f"{name}.py").write_text(f"open('taken-{name}', 'w').close(); raise SystemExit", encoding="utf-8")
    program = "import sys; sys.path[:] = [one for one in sys.path if one]; from trailkey import cli; sys.exit(cli.run(['generate', 'single-account.yaml', '--quiet']))"
    done = python(place, "-P", "-c", program)

    assert (done.returncode, done.stderr) == (0, "")
    assert list(place.glob("taken-*")) == []
