"""The stand-in in a Git repository of its own, and what is asked of `migrate` there."""

import json
import os
import shutil
import subprocess
from pathlib import Path

MIGRATE = str(Path(os.environ.get("MIGRATE", "target/debug/migrate")).absolute())
MONOLITH = Path(__file__).parents[1] / "monolith"
EXTRACTED = ["coordinator/executions.py", "coordinator/workflows.py", "coordinator/engine.py", "coordinator/proofs.py", "tests/test_agents.py"]
TABLE = """format = 1
[backends.old]
targets = ["http://127.0.0.1:8011"]
[backends.new]
targets = ["http://127.0.0.1:8012"]
[defaults]
old = "old"
new = "new"
fallback = "old"
[[routes]]
name = "agents-api"
path = "/api/v1/agents/{*rest}"
stage = "service"
[[routes]]
name = "agents"
path = "/v1/agents/{*rest}"
stage = "service"
"""


class Copy:
    """The stand-in in a folder of a repository."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.folder = self.repository / "services/monolith"
        left_out = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.db")
        shutil.copytree(MONOLITH, self.folder, ignore=left_out)
        self.table = folder / "routes.toml"
        self.table.write_text(TABLE)
        self.git("init", "-q", "-b", "main")
        self.commit("As it was")
        self.before = self.tree()

    def git(self, *words: str) -> str:
        settings = ["-c", "commit.gpgSign=false"]
        command = ["git", "-C", str(self.repository), *settings, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=self.environment(), check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def environment(self) -> dict[str, str]:
        known = {f"GIT_{who}_{what}": "ann@box" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        return {**os.environ, **known, "GIT_CONFIG_GLOBAL": os.devnull}

    def commit(self, subject: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)

    def tree(self) -> str:
        return self.git("rev-parse", "HEAD^{tree}")

    def commits(self) -> int:
        return int(self.git("rev-list", "--count", "HEAD"))

    def is_clean(self) -> bool:
        return self.git("status", "--porcelain") == ""

    def command(self, *flags: str, extract: list[str] | None = None) -> list[str]:
        known = ["--routes", str(self.table), "--output", "json", "cleanup", str(self.folder)]
        return [MIGRATE, *known, *(extract or ["--extract", *EXTRACTED]), "--yes", *flags]

    def cleanup(self, *flags: str, extract: list[str] | None = None) -> tuple[int, dict]:
        done = subprocess.run(
            self.command(*flags, extract=extract), capture_output=True, text=True, timeout=60, env=self.environment(), check=False
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)
