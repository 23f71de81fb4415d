"""A throw-away machine with a systemd of its own, in namespaces of this one. Needs root, and leaves nothing behind."""

import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
NAMESPACES = ["--pid", "--fork", "--kill-child=KILL", "--mount", "--uts", "--ipc", "--net", "--cgroup"]
# Seconds until it has started everything that it starts by itself.
BOOTS = 60


def control_groups():
    """Where version 2 of the control groups is."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(place)
    raise RuntimeError("no cgroup2 is mounted: run this on a machine with systemd, or mount it at /sys/fs/cgroup/unified")


class Machine:
    def __init__(self, programs):
        for needed in ("unshare", "nsenter", "systemctl", "systemd-sysusers"):
            if not shutil.which(needed):
                raise RuntimeError(f"{needed} is missing: install systemd and util-linux")
        self.folder = tempfile.mkdtemp(prefix="booted-")
        self.group = pathlib.Path(tempfile.mkdtemp(prefix="booted-", dir=control_groups()))
        join = f'echo $$ > {self.group}/cgroup.procs && exec unshare "$@"'
        boot = [*NAMESPACES, str(HERE / "boot.sh"), self.folder, str(programs)]
        self.outside = subprocess.Popen(["bash", "-c", join, "unshare", *boot])
        try:
            self.first = self._first_process()
            self._wait_until_booted()
        except BaseException:
            self.stop()
            raise

    def _first_process(self):
        children = pathlib.Path(f"/proc/{self.outside.pid}/task/{self.outside.pid}/children")
        until = time.monotonic() + BOOTS
        while time.monotonic() < until:
            if self.outside.poll() is not None:
                raise RuntimeError("the machine did not come up: only root may make namespaces; see what is printed above")
            found = children.read_text().split()
            # It is the script first, and systemd then.
            if found and pathlib.Path(f"/proc/{found[0]}/comm").read_text().strip() == "systemd":
                return found[0]
            time.sleep(0.05)
        raise RuntimeError("the machine did not come up")

    def _wait_until_booted(self):
        until = time.monotonic() + BOOTS
        while time.monotonic() < until:
            state = self.run("systemctl", "is-system-running", fails=True).stdout.strip()
            # `degraded`: something of this machine that has no place in that one.
            if state in ("running", "degraded"):
                return
            time.sleep(0.1)
        raise RuntimeError(f"systemd is still {state}: {self.run('systemctl', 'list-jobs').stdout}")

    def run(self, *line, fails=False):
        """Runs something there; an error unless it may fail."""
        line = ["nsenter", "--target", self.first, "--all", "--wd=/", *line]
        ran = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
        assert fails or ran.returncode == 0, f"{line}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def write(self, path, text):
        subprocess.run(
            ["nsenter", "--target", self.first, "--all", "--wd=/", "bash", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "-", path],
            input=text, text=True, check=True, timeout=60,
        )

    def property(self, unit, name):
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").stdout.strip()

    def wait_for(self, what, seconds=60):
        """Waits until `what()` is true."""
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, f"not in {seconds} s: {what.__doc__ or what}"
            time.sleep(0.1)

    def stop(self):
        """Ends every process of it with its first one, and takes away its folder and its group."""
        self.outside.send_signal(signal.SIGKILL)
        self.outside.wait()
        until = time.monotonic() + 30
        groups = sorted(self.group.rglob("*/"), key=lambda it: len(it.parts), reverse=True)
        for group in [*groups, self.group]:
            while True:
                try:
                    group.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.05)
        shutil.rmtree(self.folder)
