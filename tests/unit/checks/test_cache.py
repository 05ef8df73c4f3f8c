"""What is remembered is believed only where it is whole, of this program, and written by this user; anything else is not there."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

from helpers import python
from trailkey.checks import cache
from trailkey.checks.cache import Store, key_of, users_store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing is remembered there")

KEY = key_of("a key")
VALUE: dict[str, Any] = {"findings": [], "text": "ä", "number": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a store that holds one entry."""
    (tmp_path / "home").mkdir(mode=0o700)
    place = tmp_path / "home" / "store"
    Store(place).put(KEY, VALUE)
    assert Store(place).get(KEY) == VALUE
    return place


def test_what_was_put_is_got_under_its_key_alone(folder: Path) -> None:
    assert Store(folder).get(key_of("another key")) is None
    assert Store(folder / "elsewhere").get(KEY) is None


def test_only_the_user_can_read_and_write_what_is_made(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_entry_that_is_altered_by_one_byte_is_never_used(folder: Path) -> None:
    path = folder / KEY
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(bytes([*content[:at], content[at] ^ 1, *content[at + 1 :]]))
        assert Store(folder).get(KEY) is None, at
    for cut in (b"", content[:-1], content + b" ", content.replace(b"\n", b"", 1)):
        path.write_bytes(cut)
        assert Store(folder).get(KEY) is None
    path.write_bytes(content)
    assert Store(folder).get(KEY) == VALUE


def test_entry_of_another_key_is_never_used(folder: Path) -> None:
    other = key_of("another key")
    (folder / other).write_bytes((folder / KEY).read_bytes())

    assert Store(folder).get(other) is None


def test_entry_of_another_version_is_never_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "identity", lambda: "another program")

    assert key_of("a key") != KEY
    assert Store(folder).get(key_of("a key")) is None


@pytest.mark.parametrize("what", ["source", "library", "schemas", "python"])
def test_another_program_has_another_identity(what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache.identity.cache_clear()
    mine = cache.identity()
    cache.identity.cache_clear()
    assert cache.identity() == mine
    if what == "source":
        package = tmp_path / "trailkey"
        (package / "checks").mkdir(parents=True)
        (package / "checks" / "cache.py").touch()
        monkeypatch.setattr(cache, "__file__", str(package / "checks" / "cache.py"))
    elif what == "library":
        (tmp_path / "cfn_lint-0.0.1.dist-info").mkdir()
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    elif what == "schemas":
        linter = tmp_path / "cfnlint"
        (linter / "data" / "schemas").mkdir(parents=True)
        (linter / "__init__.py").touch()
        (linter / "data" / "schemas" / "version.json").write_text("{}", encoding="utf-8")
        monkeypatch.delitem(sys.modules, "cfnlint", raising=False)
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    else:
        monkeypatch.setattr(sys, "version", "3.99")
    cache.identity.cache_clear()
    other = cache.identity()
    cache.identity.cache_clear()

    assert other != mine


def test_entry_of_another_user_is_never_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)

    assert Store(folder).get(KEY) is None
    Store(folder).put(key_of("b"), VALUE)
    monkeypatch.setattr(os, "geteuid", lambda: mine)
    assert Store(folder).get(key_of("b")) is None
    assert Store(folder).get(KEY) == VALUE


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_entry_that_others_can_write_is_never_used(mode: int, folder: Path) -> None:
    (folder / KEY).chmod(mode)

    assert Store(folder).get(KEY) is None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o750, 0o777])
def test_folder_that_others_can_enter_is_never_used(mode: int, folder: Path) -> None:
    folder.chmod(mode)

    assert Store(folder).get(KEY) is None
    Store(folder).put(key_of("b"), VALUE)
    folder.chmod(0o700)
    assert Store(folder).get(key_of("b")) is None
    assert Store(folder).get(KEY) == VALUE


def test_links_are_never_followed(folder: Path) -> None:
    (folder.parent / "link").symlink_to(folder)
    assert Store(folder.parent / "link").get(KEY) is None
    other = key_of("linked")
    path = folder / other
    Store(folder).put(other, VALUE)
    path.rename(folder / "real")
    path.symlink_to(folder / "real")
    assert Store(folder).get(other) is None
    path.unlink()
    path.hardlink_to(folder / "real")
    assert Store(folder).get(other) is None
    (folder / "real").unlink()
    assert Store(folder).get(other) == VALUE


def test_nothing_is_made_in_a_place_of_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    Store(tmp_path / "store").put(KEY, VALUE)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file/store", "\x00", "a" * 300])
def test_place_where_nothing_can_be_is_no_error(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / place)
    if "\x00" not in place:
        store.put(KEY, VALUE)
        assert store.get(KEY) is None


def test_what_is_too_large_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST", 1000)
    Store(folder).put(key_of("large"), "x" * 1000)
    assert Store(folder).get(key_of("large")) is None
    Store(folder).put(key_of("small"), "x" * 500)
    assert Store(folder).get(key_of("small"))


def test_the_oldest_go_where_there_are_too_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST", 20)
    for number in range(30):
        Store(folder).put(key_of(str(number)), number)
        os.utime(folder / key_of(str(number)), ns=(number, number))

    kept = {number for number in range(30) if Store(folder).get(key_of(str(number))) is not None}
    assert len(list(folder.iterdir())) <= 20
    assert 29 in kept
    assert 0 not in kept


def test_runs_at_the_same_time_see_whole_entries(folder: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from trailkey.checks.cache import Store, key_of
store, keys = Store(Path({str(folder)!r})), [key_of(str(number)) for number in range(5)]
for turn in range(200):
    for key in keys:
        store.put(key, [key] * 500)
        found = store.get(key)
        assert found is None or found == [key] * 500
"""
    import subprocess

    path = os.pathsep.join(sys.path)
    runs = [subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}) for _ in range(4)]
    assert [run.wait() for run in runs] == [0] * 4
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_the_users_folder_is_the_one_that_the_system_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = users_store()
    assert store
    store.put(KEY, VALUE)
    assert (tmp_path / "trailkey" / KEY).is_file()
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    store = users_store()
    assert store
    store.put(KEY, VALUE)
    assert (tmp_path / "home" / ".cache" / "trailkey" / KEY).is_file()
    monkeypatch.setattr(sys, "platform", "win32")
    assert users_store() is None


def test_nothing_else_is_loaded_to_look_something_up(tmp_path: Path) -> None:
    program = "import sys; from trailkey.checks.cache import key_of; key_of('a'); print(sorted({'cfnlint', 'pydantic', 'troposphere', 'yaml'} & sys.modules.keys()))"
    done = python(tmp_path, "-c", program)

    assert done.stdout == "[]\n", done.stderr
