"""`migrate cleanup` on a Git copy of the stand-in: it still starts and passes its own tests, and everything comes back."""

import ast
import os
import pty
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import edited
from copied import EXTRACTED, TABLE, Copy


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_monolith_passes_its_tests_without_the_extracted_files(copy: Copy) -> None:
    code, plan = copy.cleanup("--dry-run")
    assert (code, plan["result"], copy.tree()) == (0, "planned", copy.before)
    assert copy.is_clean()

    code, done = copy.cleanup()
    assert (code, done["result"], copy.commits()) == (0, "done", 2), done
    assert copy.is_clean()
    assert [one["from"] for one in done["moved"]] == sorted(EXTRACTED)
    assert all((copy.folder / ".attic" / path).is_file() and not (copy.folder / path).exists() for path in EXTRACTED)
    changed = copy.git("diff", "--name-status", "--no-renames", "--diff-filter=M", "HEAD^", "HEAD")
    assert changed == "M\tservices/monolith/coordinator/server.py"
    environment = {name: value for name, value in copy.environment().items() if not name.startswith("PYTEST")}
    tests = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    own = subprocess.run(tests, cwd=copy.folder, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert own.returncode == 0 and "passed" in own.stdout, own.stdout + own.stderr

    code, again = copy.cleanup()
    assert (code, again["result"], copy.commits()) == (0, "nothing-to-do", 2)
    code, undone = copy.cleanup("--undo")
    assert (code, undone["result"], copy.tree()) == (0, "undone", copy.before)
    assert copy.is_clean()
    code, again = copy.cleanup("--undo")
    assert (code, again["result"], copy.commits()) == (0, "nothing-to-do", 3)
    code, done = copy.cleanup()
    assert (code, done["result"], copy.commits()) == (0, "done", 4)


def test_later_commits_stay_when_it_is_taken_back(copy: Copy) -> None:
    copy.cleanup()
    (copy.folder / "README.md").write_text("Another one.\n")
    copy.commit("Another one")
    code, undone = copy.cleanup("--undo")
    assert (code, undone["result"]) == (0, "undone")
    assert copy.git("diff", "--name-only", copy.before, "HEAD") == "services/monolith/README.md"
    assert copy.is_clean()


def test_a_patch_is_the_same_change_and_nothing_else(copy: Copy, tmp_path: Path) -> None:
    patch = tmp_path / "cleanup.patch"
    code, done = copy.cleanup("--patch", str(patch))
    assert (code, done["result"], copy.tree()) == (0, "patched", copy.before)
    assert copy.is_clean()
    copy.git("apply", "--index", str(patch))
    patched = copy.git("write-tree")
    copy.git("reset", "-q", "--hard")
    copy.cleanup()
    assert copy.tree() == patched


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda copy: copy.table.write_text(TABLE.replace('stage = "service"', 'stage = "canary"', 1)), "`agents-api` is at stage canary"),
        (lambda copy: copy.table.write_text(TABLE.replace("/v1/agents/{*rest}", "/v1/other")), "no route of the table takes it"),
        (lambda copy: append(copy.folder / "coordinator/others.py", "from coordinator import engine\nprint(engine)\n"), "uses engine"),
        (lambda copy: append(copy.folder / "coordinator/others.py", "NAME = 'coordinator.engine.run'\n"), "of coordinator/engine.py"),
    ],
)
def test_what_stands_against_it_is_named_and_nothing_is_changed(copy: Copy, spoil, said: str) -> None:
    spoil(copy)
    copy.git("add", "-A")
    copy.git("commit", "-q", "--allow-empty", "-m", "Spoilt")
    before = copy.git("rev-parse", "HEAD")
    code, refused = copy.cleanup()
    assert (code, refused["result"]) == (3, "refused")
    assert any(said in one["what"] for one in refused["against"]), refused["against"]
    assert copy.git("rev-parse", "HEAD") == before and copy.is_clean()


def test_a_dirty_tree_is_refused(copy: Copy) -> None:
    (copy.repository / "new.txt").write_text("x")
    code, refused = copy.cleanup()
    assert code == 3 and "new.txt" in refused["error"]["message"]
    assert copy.commits() == 1


SERVER = "coordinator/server.py"


def test_a_change_while_the_question_stands_there_is_left_alone(copy: Copy) -> None:
    server = copy.folder / SERVER
    code, said = asked(copy, lambda: append(server, "# mine\n"))
    assert code == 3 and "server.py" in said, said
    assert copy.commits() == 1 and server.read_text().endswith("# mine\n")
    assert copy.git("status", "--porcelain") == f"M services/monolith/{SERVER}"
    copy.git("checkout", "-q", "--", ".")
    # A commit that somebody makes meanwhile is not taken back by that of the cleanup.
    code, said = asked(copy, lambda: (append(server, "# mine\n"), copy.commit("Mine")))
    assert code == 3 and "begin again" in said, said
    assert copy.commits() == 2 and copy.is_clean()


def test_what_git_does_not_look_at_is_not_committed_or_lost(copy: Copy) -> None:
    for path in (SERVER, EXTRACTED[0]):
        below = f"services/monolith/{path}"
        copy.git("update-index", "--assume-unchanged", below)
        append(copy.folder / path, "# mine\n")
        code, refused = copy.cleanup()
        assert code == 3 and below in refused["error"]["message"]
        assert copy.commits() == 1 and (copy.folder / path).read_text().endswith("# mine\n")
        copy.git("update-index", "--no-assume-unchanged", below)
        copy.git("checkout", "-q", "--", ".")


def test_ignored_files_are_never_written_over(copy: Copy) -> None:
    ignored = copy.repository / ".git/info/exclude"
    ignored.write_text(".attic\n")
    precious = copy.folder / ".attic" / EXTRACTED[2]
    edited.put(precious, "precious")
    for flags in (["--dry-run"], []):
        code, refused = copy.cleanup(*flags)
        assert code == 3 and f".attic/{EXTRACTED[2]}" in refused["error"]["message"]
    assert (copy.commits(), precious.read_text()) == (1, "precious")
    precious.unlink()
    code, done = copy.cleanup()
    assert code == 0, done
    back = copy.folder / EXTRACTED[2]
    back.write_text("precious")
    ignored.write_text("/services/monolith/coordinator/engine.py\n")
    code, refused = copy.cleanup("--undo")
    assert code == 3 and EXTRACTED[2] in refused["error"]["message"]
    assert (copy.commits(), back.read_text()) == (2, "precious")
    back.unlink()
    assert copy.cleanup("--undo")[0] == 0


def test_a_file_that_was_only_touched_is_no_change(copy: Copy) -> None:
    for path in (SERVER, *EXTRACTED):
        os.utime(copy.folder / path, (1, 1))
    code, done = copy.cleanup()
    assert code == 0 and copy.is_clean(), done


def test_a_patch_can_be_applied_whatever_git_was_told_to_show(copy: Copy, tmp_path: Path) -> None:
    for name, value in (("color.ui", "always"), ("diff.noprefix", "true"), ("diff.external", "true"), ("diff.context", "0")):
        copy.git("config", name, value)
    patch = tmp_path / "cleanup.patch"
    code, done = copy.cleanup("--patch", str(patch))
    assert code == 0, done
    copy.git("apply", "--index", str(patch))
    patched = copy.git("write-tree")
    copy.git("reset", "-q", "--hard")
    copy.cleanup()
    assert copy.tree() == patched


LOADER = """import importlib
import pkgutil

import coordinator


def load(app):
    for found in pkgutil.iter_modules(coordinator.__path__):
        module = importlib.import_module(f"coordinator.{found.name}")
        app.include_router(module.router)
"""


def test_a_loader_stands_against_it_until_somebody_has_looked(copy: Copy, tmp_path: Path) -> None:
    loader = copy.folder / "coordinator/loader.py"
    loader.write_text(LOADER)
    copy.commit("Load whatever is there")
    code, refused = copy.cleanup("--dry-run")
    assert (code, refused["result"]) == (3, "refused")
    assert [(one["file"], one["line"]) for one in refused["against"]] == [("coordinator/loader.py", 9)]
    config = tmp_path / "migration.toml"
    globs = ", ".join(f"'{path}'" for path in EXTRACTED)
    config.write_text(f"format = 1\n[scan]\nextracted = [{globs}]\n[cleanup]\nacknowledged = ['coordinator/loader.py']\n")
    code, planned = copy.cleanup("--dry-run", extract=["--config", str(config)])
    assert (code, planned["result"]) == (0, "planned"), planned


def test_a_file_that_is_no_utf_8_is_said_to_be_none(copy: Copy) -> None:
    server = copy.folder / SERVER
    server.write_bytes(b"# -*- coding: latin-1 -*-\n# \xe9\n" + server.read_bytes())
    copy.commit("Latin")
    code, refused = copy.cleanup()
    assert code == 3 and [one["what"].split(":")[0] for one in refused["against"]] == ["is no UTF-8"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_generated_modules_lose_what_goes_and_nothing_else(copy: Copy, seed: int) -> None:
    edited.write(copy.folder, seed, 300)
    copy.commit("Generated")
    gone = ["--extract", "pkg/gone.py"]
    modules = sorted((copy.folder / "pkg").glob("m*.py"))
    before = {f"pkg/{file.name}": file.read_bytes().decode() for file in modules}
    code, refused = copy.cleanup("--dry-run", extract=gone)
    assert (code, refused["result"]) == (3, "refused")
    against = {(one["file"], one["line"]) for one in refused["against"]}
    expected = {(path, line) for path, text in before.items() for line in edited.uses(text)}
    assert expected - against == set(), "not seen"
    assert against - expected == set(), "invented"

    for path in {path for path, _ in expected}:
        (copy.folder / path).unlink()
        del before[path]
    copy.commit("Without those that use it")
    code, done = copy.cleanup(extract=gone)
    assert (code, done["result"]) == (0, "done"), done
    assert len(before) > 100
    for path, text in before.items():
        after = (copy.folder / path).read_bytes().decode()
        assert not edited.unbound(after), f"{text}\nbecame\n{after}"
        assert ast.dump(ast.parse(after)) == edited.without(text), f"{text}\nbecame\n{after}"


def test_a_run_that_was_killed_is_ended_by_the_next(copy: Copy) -> None:
    copy.cleanup()
    # The reference is changed, the work tree is not.
    copy.git("read-tree", "--reset", "-u", "HEAD^")
    assert not copy.is_clean()
    code, ended = copy.cleanup()
    assert (code, ended["result"], copy.commits()) == (0, "nothing-to-do", 2)
    assert copy.is_clean() and not (copy.folder / EXTRACTED[0]).exists()


def test_what_somebody_restores_is_left_alone(copy: Copy) -> None:
    copy.cleanup()
    copy.git("checkout", "-q", "HEAD^", "--", "services/monolith/coordinator/engine.py")
    code, refused = copy.cleanup()
    assert code == 3 and "engine.py" in refused["error"]["message"]
    assert (copy.folder / "coordinator/engine.py").exists()


def test_killed_at_any_time_it_is_whole_or_not_there(copy: Copy) -> None:
    dice = random.Random(7)
    began = time.monotonic()
    copy.cleanup()
    whole = time.monotonic() - began
    done = copy.tree()
    copy.cleanup("--undo")
    for _ in range(12):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        run = subprocess.Popen(copy.command(), env=copy.environment(), start_new_session=True, **quiet)
        time.sleep(dice.uniform(0, whole))
        run.kill()
        run.wait()
        settle(run.pid)
        code, ended = copy.cleanup()
        assert code == 0 and ended["result"] in ("done", "nothing-to-do")
        assert copy.tree() == done and copy.is_clean()
        copy.cleanup("--undo")
        assert copy.tree() == copy.before and copy.is_clean()


def settle(session: int) -> None:
    """Waits until a Git that lost its parent has ended."""

    def is_alive() -> bool:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                return True
        return False

    limit = time.monotonic() + 30
    while is_alive():
        assert time.monotonic() < limit, "a Git does not end"
        time.sleep(0.05)


def asked(copy: Copy, meanwhile: Callable[[], object]) -> tuple[int, str]:
    """Says yes on a terminal, after something was done while the question stood there."""
    ours, theirs = pty.openpty()
    command = [word for word in copy.command() if word != "--yes"]
    run = subprocess.Popen(command, env=copy.environment(), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 4096)
    meanwhile()
    os.write(ours, b"y\n")
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:
            break
        if not more:
            break
        said += more
    os.close(ours)
    return run.wait(timeout=60), said.decode()


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)
