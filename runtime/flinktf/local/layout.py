"""Where a local run keeps its files."""

from __future__ import annotations

import datetime
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """``run`` stays when the run has ended (logs, specifications); ``sockets`` goes.

    Unix sockets have a folder of their own: their paths may have 107 bytes, and a project's folder may be deep. With
    them is what the run's processes leave in what is the temporary folder for them.
    """

    run: Path
    sockets: Path

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    @property
    def conf(self) -> Path:
        return self.run / "conf"

    @property
    def jars(self) -> Path:
        return self.run / "lib"

    @property
    def work(self) -> Path:
        return self.run / "work"

    @property
    def temporary(self) -> Path:
        return self.sockets / "tmp"

    @property
    def token(self) -> Path:
        return self.sockets / "token"

    @property
    def coordinator_port(self) -> Path:
        return self.sockets / "coordinator.port"

    @property
    def preloader_socket(self) -> Path:
        return self.sockets / "preloader.sock"

    def agent_socket(self, instance: str) -> Path:
        return self.sockets / f"{instance}.sock"

    def remove_temporary(self) -> None:
        """What only the running job needed: sockets, the token, links to jars, spools."""
        for folder in (self.sockets, self.jars, self.work):
            shutil.rmtree(folder, ignore_errors=True)


def create(job: str, runs: Path) -> Layout:
    """Makes the folders of a new run below ``runs``. Two runs at once, even of one job, do not meet."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    run = runs / f"{job}-{stamp}-{secrets.token_hex(2)}"
    layout = Layout(run.absolute(), Path(tempfile.mkdtemp(prefix="flinktf-")))
    for folder in (layout.logs, layout.conf, layout.jars, layout.work, layout.temporary):
        folder.mkdir(parents=True)
    layout.token.touch(mode=0o600)
    layout.token.write_text(secrets.token_urlsafe(32))
    return layout
