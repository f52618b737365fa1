"""A released Apache Kafka on this machine, for tests and for trying VORI with it: `make kafka`.

`resolve` has Maven put the broker beside this file; `Broker` runs it in KRaft mode, on loopback
only, in a directory of its own.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

HERE = Path(__file__).parent
LIBS = HERE / "target" / "libs"
FORMATTED = HERE / "target" / "formatted"
START_S = 180.0
STOP_S = 30.0
PORTS = range(20_000, 32_768)
"""Below those that systems hand out to connections."""
# Short start and little memory count here, not the last message per second.
JAVA = ("-Xms96m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
USER, PASSWORD = "vori", "only-for-tests"


def missing() -> str | None:
    """What has to be done before a broker can run here; None when nothing has."""
    if shutil.which("java") is None:
        return "there is no Java (17 or newer)"
    if not any(LIBS.glob("kafka_*.jar")):
        return "no broker is in place: `make kafka-broker`"
    return None


def resolve() -> None:
    """Have Maven fetch the broker and what it needs into `LIBS`."""
    if shutil.which("mvn") is None:
        raise SystemExit("there is no `mvn`: install Maven and Java 17 or newer")
    command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    subprocess.run(command, check=True)


def free_port() -> int:
    """One that no connection is given by chance before the broker takes it, or while it is down."""
    for port in random.sample(PORTS, len(PORTS)):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError(f"none of the ports from {PORTS.start} on is free")


class Broker:
    """One broker and controller. Keeps its ports and its messages from `stop` to `start`."""

    def __init__(
        self, directory: Path, *, port: int = 0, certificate: tuple[str, str] | None = None
    ) -> None:
        """certificate: key (PKCS 8) and certificate as PEM; with it there are also two listeners that
        ask for `USER` and `PASSWORD` by SASL PLAIN, one of them over TLS.
        """
        self.directory = directory
        self.bootstrap = f"127.0.0.1:{port or free_port()}"
        self.secure_bootstrap = f"127.0.0.1:{free_port()}"
        self.signed_in_bootstrap = f"127.0.0.1:{free_port()}"
        self.log = directory / "broker.log"
        self._controller = f"127.0.0.1:{free_port()}"
        self._config = directory / "server.properties"
        self._certificate = certificate
        self.certificate_pem = certificate[1] if certificate else ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once the broker answers; formats its storage at first. Raises RuntimeError."""
        if not self._config.exists():
            self.directory.mkdir(parents=True, exist_ok=True)
            self._config.write_text(self._properties())
            self._format()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_java(), "kafka.Kafka", str(self._config)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the broker did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, *, how: signal.Signals = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def listening_addresses(self) -> list[str]:
        """Where the process accepts connections."""
        import psutil

        assert self._process is not None
        open_ones = psutil.Process(self._process.pid).net_connections("tcp")
        return [one.laddr.ip for one in open_ones if one.status == psutil.CONN_LISTEN]

    def wait(self) -> None:
        """Until the broker ends by itself."""
        if self._process is not None:
            self._process.wait()

    def _answers(self) -> bool:
        host, _, port = self.bootstrap.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True

    def _format(self) -> None:
        """As Kafka formats it; the second broker of these libraries takes over the first one's."""
        data = self.directory / "data"
        if not FORMATTED.exists():
            self._format_anew()
            with tempfile.TemporaryDirectory(dir=FORMATTED.parent) as folder:
                copy = shutil.copytree(data, Path(folder) / "data")
                with contextlib.suppress(OSError):  # another process was faster
                    copy.rename(FORMATTED)
        elif not data.exists():
            shutil.copytree(FORMATTED, data)

    def _format_anew(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*_java(), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        done = subprocess.run(
            [*command, "-c", str(self._config)], capture_output=True, check=False, text=True
        )
        if done.returncode:
            raise RuntimeError(f"the broker's storage was not formatted: {done.stderr[-2000:]}")

    def _properties(self) -> str:
        listeners = {"PLAINTEXT": self.bootstrap, "CONTROLLER": self._controller}
        if self._certificate:
            listeners["SASL_SSL"] = self.secure_bootstrap
            listeners["SASL_PLAINTEXT"] = self.signed_in_bootstrap
        open_to_clients = {n: a for n, a in listeners.items() if n != "CONTROLLER"}
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{self._controller}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
                "SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"
            ),
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": _listed(listeners),
            "advertised.listeners": _listed(open_to_clients),
            "log.dirs": str(self.directory / "data"),
            "auto.create.topics.enable": "false",
            "num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "5",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "5",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # A group is complete at once, and who is lost is noticed soon.
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
            "num.network.threads": "2",
            "num.io.threads": "2",
        }
        if self._certificate:
            key, certificate = (pem.strip().replace("\n", "\\n") for pem in self._certificate)
            login = "org.apache.kafka.common.security.plain.PlainLoginModule"
            lines |= {
                "sasl.enabled.mechanisms": "PLAIN",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.key": key,
                "ssl.keystore.certificate.chain": certificate,
            } | {
                f"listener.name.{name}.plain.sasl.jaas.config": (
                    f'{login} required user_{USER}="{PASSWORD}";'
                )
                for name in ("sasl_ssl", "sasl_plaintext")
            }
        return "".join(f"{name}={value}\n" for name, value in lines.items())


def _java() -> list[str]:
    # A broker's log is for people who look for a failure.
    logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", *JAVA, logging, "-cp", f"{LIBS}/*"]


def _listed(addresses: dict[str, str]) -> str:
    return ",".join(f"{name}://{address}" for name, address in addresses.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolve", action="store_true", help="fetch the broker, and stop there")
    parser.add_argument("--port", type=int, default=9092)
    arguments = parser.parse_args()
    if missing():
        resolve()
    if reason := missing():
        raise SystemExit(reason)
    if arguments.resolve:
        return
    with tempfile.TemporaryDirectory(prefix="vori-kafka-") as directory:
        broker = Broker(Path(directory), port=arguments.port)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        broker.start()
        try:
            print(f"Kafka answers at {broker.bootstrap}; Ctrl-C stops it. In another window:")
            print(f"  VORI_KAFKA__BOOTSTRAP={broker.bootstrap} .venv/bin/vori serve --dev")
            sys.stdout.flush()
            broker.wait()
        except KeyboardInterrupt:
            os.write(1, b"\n")
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
