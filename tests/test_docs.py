"""The documentation says what the code does: commands, options, config keys, exit codes, excerpts and links."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

import worst
from helpers import CONFIGS, OUTPUT, PACKAGE, ROOT, TESTS
from test_explain import TEXTS
from test_floors import MAY_IMPORT
from test_published import DELIVERY, PUBLISHED
from trailkey import __version__, aws, cli, errors, pipeline
from trailkey.config.model import Config
from trailkey.config.schema import schema_text
from trailkey.decide import Near, RequestAnswer
from trailkey.findings import Finding, Location
from trailkey.proofs.judge import PROPERTIES
from trailkey.reports.config_reference import config_reference
from trailkey.reports.controls_page import controls_page
from trailkey.reports.errors_page import errors_page
from trailkey.reports.explain import explanations_json
from trailkey.reports.findings_page import findings_page
from trailkey.suggest import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recordings import Recorder

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
KEY_TEMPLATE = "output/organization/log-archive-key.yaml"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def commands() -> dict[str, argparse.ArgumentParser]:
    actions = cli._parser()._actions
    return dict(next(action for action in actions if isinstance(action, argparse._SubParsersAction)).choices)


def options() -> Iterator[str]:
    for parser in [cli._parser(), *commands().values()]:
        for action in parser._actions:
            yield from (option for option in action.option_strings if option.startswith("--"))


@pytest.mark.parametrize("command", commands())
def test_the_readme_has_a_row_for_each_command(command: str) -> None:
    assert re.search(rf"^\| `trailkey {command}\b", README, flags=re.MULTILINE)


@pytest.mark.parametrize("option", sorted(set(options())))
def test_the_readme_names_each_option(option: str) -> None:
    assert re.search(rf"{option}\b", README)


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    console = "\n".join(blocks(README, "console"))
    named = re.findall(r"\btrailkey ([a-z]+)", console + "".join(re.findall(r"`[^`\n]+`", README)))
    assert set(named) <= set(commands())


def test_the_readme_shows_the_two_commands_before_anything_else() -> None:
    first = blocks(README, "console")[0]
    assert [line.partition("#")[0].strip() for line in first.splitlines()] == ["$ make templates", "$ make test"]
    assert README.index(first) < README.index("\n## ")


def test_the_readme_names_each_make_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):.*##", makefile, flags=re.MULTILINE)
    assert [target for target in targets if f"`make {target}`" not in README] == []


def test_readme_and_help_give_the_exit_codes_of_the_code() -> None:
    codes = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    rows = {int(code): text for code, text in re.findall(r"^\| (\d) \| (.+) \|$", README, flags=re.MULTILINE)}
    told = {int(code): text for code, text in re.findall(r"^  (\d)  (.+)$", cli.EPILOG, flags=re.MULTILINE)}
    assert set(rows) == set(told) == codes
    raised = {
        cls.exit_code
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, errors.TrailkeyError)
    }
    assert raised <= codes


def test_the_excerpts_of_the_key_policy_are_real() -> None:
    template = (ROOT / KEY_TEMPLATE).read_text(encoding="utf-8")
    excerpts = [block for block in blocks(README, "yaml") if block.startswith("- Sid:")]
    assert len(excerpts) == 2
    for excerpt in excerpts:
        assert textwrap.indent(excerpt, " " * 10) in template


def shown(console: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, each with the lines it is said to print."""
    parts = re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]
    return [(lines[0], lines[1:]) for lines in (part.splitlines() for part in parts)]


def run(command: str, folder: Path) -> tuple[int, list[str]]:
    """Run a command of the README in a folder; trailkey as a module of this Python."""
    words = shlex.split(command)
    words = [sys.executable, "-m", "trailkey", *words[1:]] if words[0] == "trailkey" else words
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_the_console_sessions_of_the_readme_are_real(tmp_path: Path) -> None:
    _, start, mistake, *_ = blocks(README, "console")
    session = [step for step in shown(start) if not step[0].startswith("pip ")]
    assert len(session) == 3
    for command, expected in session:
        assert run(command, tmp_path) == (errors.OK, expected)
    ((command, expected),) = shown(mistake)
    config = tmp_path / "my.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace('"111111111111"', "111111111111"), encoding="utf-8")
    assert run(command, tmp_path) == (errors.USAGE, expected)


def test_the_session_that_fills_in_an_output_is_real(tmp_path: Path) -> None:
    (session,) = [block for block in blocks(README, "console") if "trailkey fill" in block]
    ((command, expected),) = shown(session)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    arn = expected[0].partition(": ")[2]
    answer = {
        "StackName": "log-archive-key",
        "StackId": "arn:aws:cloudformation:us-east-1:222222222222:stack/log-archive-key/1",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [{"OutputKey": "KeyArn", "OutputValue": arn}],
    }
    (tmp_path / "answer.json").write_text(json.dumps({"Stacks": [answer]}), encoding="utf-8")

    assert run(command, tmp_path) == (errors.OK, expected)


def test_the_sessions_of_the_readme_in_the_checkout_are_real() -> None:
    """A line of dots stands for lines left out."""
    *_, mirror, said, audit = blocks(README, "console")
    for console, code in ((mirror, errors.OK), (said, errors.OK), (audit, errors.CHECK_FAILED)):
        ((command, expected),) = shown(console)
        ended, printed = run(command, ROOT)
        assert ended == code
        shape = re.escape("\n".join([*expected, ""])).replace(re.escape("…\n"), "(?:.*\n)*?")
        assert re.fullmatch(shape, "\n".join([*printed, ""]))


def test_the_rows_of_the_matrix_in_the_readme_are_real() -> None:
    page = (OUTPUT / "organization" / "access.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in README.splitlines() if line.startswith("|") and line.count("|") == 12]
    assert len(rows) == 9
    assert [row for row in rows if row not in page] == []


def test_the_config_in_the_readme_is_the_example() -> None:
    block = next(block for block in blocks(README, "yaml") if block.startswith("name: single-account"))
    example = CONFIGS["single-account"].read_text(encoding="utf-8")
    assert block in example
    assert "ten lines" in README
    assert len(block.splitlines()) <= 10


def test_the_excerpt_of_the_rollout_is_real() -> None:
    rollout = (OUTPUT / "organization" / "rollout.json").read_text(encoding="utf-8")
    (excerpt,) = blocks(README, "json")
    assert textwrap.indent(excerpt, " " * 4) in rollout


def test_the_request_in_the_readme_is_answered_as_it_expects(tmp_path: Path) -> None:
    (request,) = [block for block in blocks(README, "yaml") if "expect:" in block]
    file = tmp_path / "requests.yaml"
    file.write_text(request, encoding="utf-8")

    assert cli.run(["decide", str(OUTPUT / "organization"), str(file)]) == errors.OK


def test_the_python_in_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = blocks(README, "python")
    monkeypatch.chdir(ROOT)

    exec(example, {})  # noqa: S102 # what the page shows is what is tested


def test_the_floors_of_the_architecture_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (drawing,) = blocks(page, "text")
    floors: dict[str, int] = {}
    for number, line in re.findall(r"^ ?(\d+)  (.+)$", drawing, flags=re.MULTILINE):
        named = re.findall(r"(access\.\w+)|\b(\w+)(?:/|\.py)(?!\w)", line)
        floors |= {shelf or room: int(number) for shelf, room in named if (shelf or room) in MAY_IMPORT}
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    upward = {
        (room, other) for room in floors for other in MAY_IMPORT[room] & floors.keys() if floors[other] >= floors[room]
    }

    assert rooms - floors.keys() == set()
    assert upward == set()


EXPLAINED: Final = "User: arn:aws:sts::333333333333:assumed-role/Forensics/kim is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:us-east-1:222222222222:key/0f1e2d3c because no resource-based policy allows the kms:Decrypt action"


def test_what_is_said_to_be_stable_is_what_is_printed() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = {
        name: set(re.findall(r"`(\w+)`", text))
        for name, text in re.findall(r"^\| (\w+) .*?\| (.+) \|$", page, flags=re.MULTILINE)
    }
    somewhere = Location(file="a", line=1, config_path="b", template="c", logical_id="d", branch=(("E", True),))
    finding = Finding(rule=PROPERTIES[0], location=somewhere, message="").as_json()
    near = Near("", ())
    answer = RequestAnswer(name="", decision="denied", reason="", statements=(), expected=None, nearest=(near,))

    assert rows["finding"] == {*finding, *finding["location"]}
    said = {"cause", "message", "meaning", "look", "remedy", "source", "facts"}
    known = {"statement", "config_line", "request", "calls", "elsewhere", "change"}
    (denied,) = explain(EXPLAINED, CONFIGS["organization"])
    (allowed,) = explain(EXPLAINED.replace("Forensics", "CloudTrailRead"), CONFIGS["organization"])
    printed = [explanations_json([one])["explanations"][0] for one in (denied, allowed)]

    assert said | known == {*printed[0], *printed[1]} == rows["explanation"]
    assert rows["answer"] - {"allowed", "denied"} == {*answer.as_json(), *near.as_json()}


def test_new_ids_of_the_changelog_are_ids() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    ids = {*re.findall(r"^### (.+)$", findings_page(), flags=re.MULTILINE)}
    renamed = re.findall(r"^ *\| `([a-z-]+)` \| `([a-z-]+)` \|$", changelog, flags=re.MULTILINE)

    assert len(renamed) == 10
    assert [new for old, new in renamed if new not in ids or old in ids] == []


def test_the_glossary_has_each_word_once_in_order() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\*\*(.+)\.\*\* ", page, flags=re.MULTILINE)

    assert len(words) >= 15
    assert words == sorted(set(words))


GENERATED = ("config.md", "controls.md", "errors.md", "findings.md", "updates.md")
EXAMPLES = ("single-account", "organization")
"""Those of controls.md; the mirror has what the organization has."""
ODD = re.compile(
    r"(?<!there )\bis no (?!longer)|stands? twice|made anew|by way of|\btakes? in\b|told apart|\babroad\b|spelled so|\bfor ever\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in (*GENERATED, "CONTRIBUTING.md")],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_pages_are_in_plain_english(page: Path) -> None:
    """CONTRIBUTING.md lists what not to say; the words of generated pages are those of the code."""
    assert ODD.findall(page.read_text(encoding="utf-8")) == []


def test_concepts_explain_each_statement_of_the_key_policy() -> None:
    concepts = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Za-z]+)(…?)` \|", concepts, flags=re.MULTILINE)
    template = (ROOT / KEY_TEMPLATE).read_text(encoding="utf-8")
    key_policy = template.partition("KeyPolicy:")[2].partition("KeySpec:")[0]
    for sid in re.findall(r"- Sid: (\w+)", key_policy):
        assert [name for name, more in rows if sid == name or (more and sid.startswith(name))], sid
    excerpt = textwrap.indent(next(iter(blocks(concepts, "yaml"))), " " * 12)
    assert all(line in template for line in excerpt.splitlines())


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("config.md", config_reference),
        ("controls.md", lambda: controls_page({name: pipeline.open_folder(OUTPUT / name)[1] for name in EXAMPLES})),
        ("errors.md", errors_page),
        ("findings.md", findings_page),
        ("config.schema.json", schema_text),
    ],
)
def test_generated_page_is_current(page: str, made: Callable[[], str], recorded: Recorder) -> None:
    recorded(ROOT / "docs" / page, made())


def test_the_config_reference_explains_every_key() -> None:
    schema = Config.model_json_schema()
    page = config_reference()
    sections = {"The file": schema, **schema["$defs"]}
    for title, part in sections.items():
        section = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        for key in part["properties"]:
            row = re.search(rf"^\| `{key}` \| (.+?) \| (.*?) ?\| (.+) \|$", section, flags=re.MULTILINE)
            assert row, f"{title}: {key}"
            assert row[1].strip()
            assert row[3].strip()


def test_every_limit_in_the_readme_is_that_of_the_code() -> None:
    table = README.partition("| limit | |")[2].partition("\n\n")[0]
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", table)}
    assert numbers == {
        aws.KEY_POLICY_BYTES,
        aws.BUCKET_POLICY_BYTES,
        aws.MANAGED_POLICY_CHARACTERS,
        aws.MANAGED_POLICIES_PER_ROLE,
        aws.TEMPLATE_URL_BYTES,
        aws.TEMPLATE_RESOURCES,
        aws.TRAILS_PER_REGION,
        aws.EVENT_DATA_STORES_PER_REGION,
    }


def test_page_on_checks_lists_each_limit_and_nothing_is_suppressed() -> None:
    page = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    source = (PACKAGE / "checks" / "limits.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"((?:template|policies|key-policy|bucket-policy|managed-policy)-[a-z-]+)"', source))
    assert known
    assert known == set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", page)) - {"cfn-lint"}
    for template in OUTPUT.glob("*/*.yaml"):
        assert "cfn-lint" not in template.read_text(encoding="utf-8")


def test_changelog_has_this_version_with_access_and_replacement_first() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^##+ (.+)$", changelog, flags=re.MULTILINE)
    assert headings[0].startswith(__version__)
    assert headings[1:3] == ["Access", "Replacement"]


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        aim = (page.parent / file).resolve() if file else page
        assert aim.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", aim.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_yaml_on_the_pages_can_be_read(page: Path) -> None:
    class Loader(yaml.SafeLoader):
        pass

    def any_tag(loader: Any, _suffix: str, node: Any) -> Any:
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("!", any_tag)
    for block in blocks(page.read_text(encoding="utf-8"), "yaml"):
        assert yaml.load(block, Loader)  # noqa: S506 # a safe loader that reads the tags of CloudFormation as text


def test_the_page_of_what_was_checked_counts_what_is_there() -> None:
    page = (ROOT / "docs" / "checked-against.md").read_text(encoding="utf-8")
    counted = {
        "single requests": sum(
            len(json.loads(path.read_text(encoding="utf-8"))["cases"]) for path in (TESTS / "decisions").glob("*.json")
        ),
        "forms of policies": len(PUBLISHED) + len(DELIVERY),
        "shapes made to be slow": len(worst.AUDITED) + len(worst.COMPARED),
        "errors of AWS": len(TEXTS),
    }

    rows = dict(
        re.findall(
            r"^\| (\d+) \| (single requests|forms of policies|shapes made to be slow|errors of AWS)\b",
            page,
            re.MULTILINE,
        )
    )
    assert {what: int(number) for number, what in rows.items()} == counted
