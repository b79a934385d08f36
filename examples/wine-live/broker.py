"""A Kafka broker of one process: KRaft, free ports, data in a temporary folder. It dies with who has started it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from flinktf.ports import free_port
from flinktf.processes import die_with_parent

HERE = Path(__file__).parent
CONNECTOR = HERE / "lib" / "flink-sql-connector-kafka.jar"
TOPICS = ("wines", "results", "models")
JAVA = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
PATIENCE = 60.0
PROPERTIES = """
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{address},CONTROLLER://{controller}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={controller}
log.dirs={data}
auto.create.topics.enable=false
"""


def fetch() -> Path:
    """The folder with Kafka's jars, which Maven fills once for each pom.xml; ``lib`` has the connector afterwards."""
    pom = HERE / "pom.xml"
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flinktf"
    jars = cache / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}"
    if not jars.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:  # renamed when it is whole
            copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}/jars"]
            subprocess.run(["mvn", "-B", "-q", "-f", str(pom), *copy], check=True)
            with contextlib.suppress(FileExistsError):  # somebody else was faster
                Path(folder, "jars").rename(jars)
    (connector,) = jars.glob("flink-sql-connector-kafka-*.jar")
    CONNECTOR.parent.mkdir(exist_ok=True)
    CONNECTOR.unlink(missing_ok=True)
    CONNECTOR.symlink_to(connector)
    return jars


@contextlib.contextmanager
def broker(host: str = "127.0.0.1") -> Iterator[str]:
    """Runs a broker with the example's topics; its address, on this machine's ``host``."""
    jars, folder = fetch(), Path(tempfile.mkdtemp(prefix="flinktf-kafka-"))
    address, controller = f"{host}:{free_port()}", f"127.0.0.1:{free_port()}"
    properties = folder / "server.properties"
    properties.write_text(PROPERTIES.format(address=address, controller=controller, data=folder / "data"))
    java = [*JAVA, "-cp", f"{jars}/*"]
    with (folder / "broker.log").open("wb") as log:
        disk = ["kafka.tools.StorageTool", "format", "--standalone", "-t", _id(), "-c", str(properties)]
        subprocess.run([*java, *disk], check=True, stdout=log, stderr=log)
        process = subprocess.Popen(
            [*java, "kafka.Kafka", str(properties)],
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for who has started it
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
    try:
        _create_topics(address, process, folder / "broker.log")
        yield address
    finally:
        process.kill()  # its data go with it: nothing to save
        process.wait()
        shutil.rmtree(folder)


def _id() -> str:
    """A cluster's name, as Kafka wants it: 16 bytes in base64."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _create_topics(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for the broker. One partition each: the order of the announcements, and of the results, is the point."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with contextlib.closing(KafkaAdminClient(bootstrap_servers=address)) as admin:
                admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1) for name in TOPICS])
            return
        except KafkaError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the broker did not start: {error}\n{log.read_text()[-3000:]}") from error
            time.sleep(0.2)


if __name__ == "__main__":
    with broker() as here, contextlib.suppress(KeyboardInterrupt):
        print(f"Kafka listens on {here}; Ctrl-C ends it", flush=True)
        while True:
            time.sleep(1)
