"""The proxies of the rollsite benchmark, each a real process with a minimal configuration."""
import atexit
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from report import cpu_seconds

os.environ["PATH"] += os.pathsep + "/usr/sbin"  # where nginx and HAProxy are
BIN = pathlib.Path(__file__).resolve().parents[2] / "build/release"


def free_port(host):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.002)


def is_open(address):
    host, port = address.rsplit(":", 1)
    with socket.socket() as s:
        return s.connect_ex((host, int(port))) == 0


def children(pid):
    try:
        return [int(c) for c in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Certificates:
    """A small authority and one identity for every program of the benchmark."""

    def __init__(self, folder):
        self.ca, self.key, self.certificate = (str(folder / n) for n in ("ca.pem", "key.pem", "cert.pem"))
        ca_key, request, names = (str(folder / n) for n in ("ca.key", "request.pem", "names"))
        # nginx compares a certificate's names with what it expects, never its addresses.
        pathlib.Path(names).write_text(",".join(["subjectAltName=DNS:bench", *(f"IP:{h}" for h in HOSTS.values())]))
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out", self.ca, "-days", "3", "-subj", "/CN=bench-ca")
        self._openssl("req", *new_key, "-keyout", self.key, "-out", request, "-subj", "/CN=bench")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial",
                      "-days", "3", "-extfile", names, "-out", self.certificate)

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def options(self):
        return ["--ca", self.ca, "--certificate", self.certificate, "--key", self.key]


HOSTS = {"sink": "127.0.0.41", "rollsite": "127.0.0.42", "second": "127.0.0.43", "nginx": "127.0.0.44",
         "haproxy": "127.0.0.45", "osx": "127.0.0.46", "exchange": "127.0.0.47"}


class Process:
    """One proxy. Subclasses write its configuration into self.folder and return its command."""

    def __init__(self, host):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fate_bench_"))
        self.address = f"{host}:{free_port(host)}"
        self.process = None

    def start(self, command):
        self.command = command
        self.log = open(self.folder / "log", "wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        atexit.register(self.stop)
        wait_for(f"{command[0]} at {self.address} ({self.folder}/log)", self.ready)
        return self

    def restart(self):
        return self.start(self.command)

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.address}: ended\n{(self.folder / 'log').read_text()}")
        return is_open(self.address)

    def pids(self):
        found = [self.process.pid]
        for pid in found:
            found += children(pid)
        return found

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids())

    def forget_peak(self):
        for pid in self.pids():
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")

    def memory(self, field):
        """A field of /proc/<pid>/status in MB, all processes of the proxy together."""
        total = 0
        for pid in self.pids():
            match = re.search(field + r":\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
            total += int(match.group(1)) * 1024 if match else 0
        return total / 1e6

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sink(Process):
    def __init__(self, certificates=None):
        super().__init__(HOSTS["sink"])
        tls = certificates.options() if certificates else []
        self.start([str(BIN / "bench/rollsite_load"), *tls, "sink", "--listen", self.address])


class Rollsite(Process):
    """Ours. Party `party`; every other party lies behind `sink`."""

    def __init__(self, sink, party="9999", host="rollsite", certificates=None):
        super().__init__(HOSTS[host])
        name, port = self.address.rsplit(":", 1)
        self.plain = self.address  # where queue calls of its own party go
        self.admin = f"{name}:{free_port(name)}"
        sink_host, sink_port = sink.rsplit(":", 1)
        hop = {"ip": sink_host, "port": int(sink_port)}
        more = []
        if certificates:
            plain = free_port(name)
            self.plain = f"{name}:{plain}"
            hop["is_secure"] = True
            more = [f"eggroll.rollsite.secure.port={port}", "eggroll.core.security.secure.client.auth.enabled=true"]
            for prefix, server in (("", True), ("client.", False)):
                more += [f"eggroll.core.security.{prefix}ca.crt.path={certificates.ca}",
                         f"eggroll.core.security.{prefix}crt.path={certificates.certificate}",
                         f"eggroll.core.security.{prefix}key.path={certificates.key}"]
            port = plain
        table = {"route_table": {"default": {"default": [hop]}}, "self_party": [party]}
        (self.folder / "route_table.json").write_text(json.dumps(table))
        (self.folder / "eggroll.properties").write_text("\n".join([
            f"eggroll.rollsite.host={name}", f"eggroll.rollsite.port={port}",
            f"eggroll.rollsite.admin.port={self.admin.rsplit(':', 1)[1]}", f"eggroll.rollsite.party.id={party}",
            f"eggroll.rollsite.audit.dir={self.folder}/audit",
            f"eggroll.rollsite.route.table.path={self.folder}/route_table.json", *more]) + "\n")
        self.start([str(BIN / "bin/rollsite"), "--config", str(self.folder / "eggroll.properties")])

    def healthy(self):
        try:
            return urllib.request.urlopen(f"http://{self.admin}/healthz", timeout=1).status == 200
        except OSError:
            return False

    def metric(self, name):
        text = urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=5).read().decode()
        return float(re.search(rf"^{name} (\S+)", text, re.M).group(1))


class Nginx(Process):
    def __init__(self, sink, certificates=None):
        super().__init__(HOSTS["nginx"])
        folder, c = self.folder, certificates
        listen = f"listen {self.address} http2;"
        secure = ""
        if c:
            listen = f"listen {self.address} ssl http2;"
            secure = (f"ssl_certificate {c.certificate}; ssl_certificate_key {c.key}; ssl_client_certificate {c.ca}; "
                      f"ssl_verify_client on; grpc_ssl_certificate {c.certificate}; grpc_ssl_certificate_key {c.key}; "
                      f"grpc_ssl_trusted_certificate {c.ca}; grpc_ssl_verify on; grpc_ssl_name bench;")
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"""
user root; daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log error;
events {{ worker_connections 20000; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 1000000000; http2_max_concurrent_streams 20000;
  {temporary}
  upstream sink {{ server {sink}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    {listen} {secure}
    location / {{ grpc_pass {'grpcs' if c else 'grpc'}://sink; grpc_read_timeout 600s; grpc_send_timeout 600s; }}
  }}
}}
""")
        self.start(["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])


class HaProxy(Process):
    """`buffer`: 16 kB is best for small messages, 64 kB for bulk; the benchmark gives each its best."""

    def __init__(self, sink, buffer, certificates=None):
        super().__init__(HOSTS["haproxy"])
        listen = send = "proto h2"
        if certificates:
            identity = self.folder / "identity.pem"  # key and certificate in one file
            identity.write_text("".join(pathlib.Path(f).read_text() for f in (certificates.certificate, certificates.key)))
            listen = send = f"ssl crt {identity} ca-file {certificates.ca} verify required alpn h2"
        (self.folder / "haproxy.cfg").write_text(f"""
global
  nbthread 1
  maxconn 4000
  tune.bufsize {buffer}
  tune.h2.max-concurrent-streams 1000
  tune.h2.initial-window-size 1048576
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend in
  bind {self.address} {listen}
  default_backend out
backend out
  server sink {sink} {send}
""")
        self.start(["haproxy", "-db", "-f", str(self.folder / "haproxy.cfg")])


class Other(Process):
    """A program named by the user: told by environment where to listen and where the sink of party 10000 is."""

    def __init__(self, sink, command):
        super().__init__(HOSTS["osx"])
        os.environ.update(BENCH_LISTEN=self.address, BENCH_SINK=sink, BENCH_FOLDER=str(self.folder))
        self.start(command)


class Chain:
    """A rollsite, whatever stands in the exchange's place, and the next rollsite."""

    def __init__(self, first, exchange, last):
        self.first, self.exchange, self.last = first, exchange, last
        self.address = first.address
