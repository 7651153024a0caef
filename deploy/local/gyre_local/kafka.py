"""The embedded broker: Apache Kafka itself, one node, from its published jars."""

import base64
import hashlib
import shutil
import subprocess
import uuid
from pathlib import Path

from gyre_local.errors import StackError
from gyre_local.stack import Stack

POM = Path(__file__).parents[1] / "pom.xml"
CONFIG = "server.properties"  # in the run folder
LOGGING = Path(__file__).parents[1] / "log4j2.properties"


def jars(stack: Stack) -> Path:
    """The folder of Kafka's jars; its name changes with what it is made of."""
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    return stack.cache / "kafka" / digest


def fetch(stack: Stack, log: Path) -> bool:
    """Have the jars, by Maven if need be; say whether they had to be fetched.

    Raises:
        StackError: Maven failed.
    """
    folder = jars(stack)
    if folder.is_dir():
        return False
    partial = folder.with_suffix(f".{uuid.uuid4().hex[:8]}")
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={partial}", "-DincludeScope=runtime"]
    with log.open("ab") as output:
        done = subprocess.run(command, stdout=output, stderr=output, check=False)
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise StackError(f"Maven could not fetch Kafka: the reason is at the end of {log}")
    try:
        partial.rename(folder)  # in one step: a folder that is there is whole
    except OSError:  # another stack of this clone was faster
        shutil.rmtree(partial)
    return True


def properties(stack: Stack) -> str:
    """The text of `server.properties`: a single node, loopback only.

    Source: kafka.apache.org/41/configuration/broker-configs.
    """
    settings: dict[str, str | int] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{stack.controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{stack.kafka_servers},"
        f"CONTROLLER://127.0.0.1:{stack.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{stack.kafka_servers}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(stack.kafka_data),
        # A misspelt topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        # One node has nothing to replicate to.
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # Fifty partitions for one node's offsets only make it start later.
        "offsets.topic.num.partitions": 5,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # A group that begins or changes does not wait for more members.
        "group.initial.rebalance.delay.ms": 0,
        # A stack that was off for weeks goes on where it was (the default forgets after 7 days).
        "offsets.retention.minutes": 60 * 24 * 365,
        "log.segment.bytes": 64 * 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def java(stack: Stack, *arguments: str, heap: str = "512m") -> list[str]:
    """The command that runs a class of Kafka."""
    options = [f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
    logging = f"-Dlog4j2.configurationFile={LOGGING}"
    return ["java", *options, logging, "-cp", f"{jars(stack)}/*", *arguments]


def prepare(stack: Stack) -> list[str]:
    """Write the configuration, format the data folder once, and return the broker's command.

    Raises:
        StackError: The data folder cannot be formatted.
    """
    config = stack.run / CONFIG
    config.write_text(properties(stack))
    if not (stack.kafka_data / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(b"gyre" + uuid.uuid4().bytes[4:]).decode().rstrip("=")
        format_it = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config)]
        done = subprocess.run(
            java(stack, *format_it, heap="128m"), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip()
            raise StackError(f"Kafka's data folder {stack.kafka_data} is unusable: {reason}")
    return java(stack, "kafka.Kafka", str(config))
