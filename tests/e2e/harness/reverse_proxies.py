"""Debian's reverse proxies in front of a gateway, each with the plainest configuration that keeps connections behind it
and says what it forwarded."""

import os
import shutil
from collections import Counter

from harness import http_client
from harness.ports import free_port
from harness.process import Process


class ReverseProxy(Process):
    """A proxy on a free port. Needs no root."""

    program = None

    def __init__(self, directory, gateway):
        self.port = free_port()
        self.directory = directory / self.program
        self.directory.mkdir()
        executable = shutil.which(self.program, path=os.environ["PATH"] + ":/usr/sbin")
        assert executable, f"{self.program} is not installed: make deps"
        argv = self.arguments(gateway.port)
        super().__init__(self.program, [executable, *argv], dict(os.environ), self.directory)

    def arguments(self, gateway_port):
        """Writes the configuration; the command line behind the program's name."""
        raise NotImplementedError

    def start(self):
        super().start()
        self.wait_until_ready(self._answers)

    def _answers(self):
        try:
            return self.get("/health/live").status == 200
        except OSError:
            return False

    def connection(self, timeout=10):
        return http_client.HttpConnection(self.port, timeout)

    def request(self, method, target, body=http_client.NO_BODY, headers=()):
        return http_client.request(self.port, method, target, body, headers)

    def get(self, target, headers=()):
        return self.request("GET", target, headers=headers)

    def post(self, target, body, headers=()):
        return self.request("POST", target, body, headers)

    def forwarded(self):
        """How often each "METHOD target" was sent to the gateway so far."""
        return Counter(
            line.removeprefix("forwarded ") for line in self.log().splitlines() if line.startswith("forwarded ")
        )


class HaProxy(ReverseProxy):
    program = "haproxy"

    def arguments(self, gateway_port):
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(f"""\
global
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "%[var(txn.forwarded)] %HM %HPO"
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    timeout http-request 2s
    timeout http-keep-alive 30s
    retries 0
    http-reuse always
frontend in
    bind 127.0.0.1:{self.port}
    default_backend gateway
backend gateway
    http-request set-var(txn.forwarded) str(forwarded)
    server one 127.0.0.1:{gateway_port}
""")
        return ["-db", "-f", configuration]


class Nginx(ReverseProxy):
    program = "nginx"

    def arguments(self, gateway_port):
        configuration = self.directory / "nginx.conf"
        paths = "".join(
            f"    {kind}_temp_path {self.directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # What it would leave out it is told to forward: the gateway must cope.
        configuration.write_text(f"""\
daemon off;
master_process off;
pid {self.directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
{paths}
    log_format forwarded 'forwarded $request_method $request_uri';
    map $upstream_addr $is_forwarded {{ "" 0; default 1; }}
    access_log {self.stdout_of()} forwarded if=$is_forwarded;
    client_header_timeout 2s;
    client_body_timeout 2s;
    ignore_invalid_headers off;
    underscores_in_headers on;
    upstream gateway {{
        server 127.0.0.1:{gateway_port};
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{self.port};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream off;
            proxy_request_buffering off;
        }}
    }}
}}
""")
        return ["-p", self.directory, "-c", configuration]

    def stdout_of(self):
        return self.directory / "nginx.stdout"


class Varnish(ReverseProxy):
    """With an empty VCL: what may be kept is kept. varnishncsa tells what it asked the gateway."""

    program = "varnishd"

    def __init__(self, directory, gateway):
        super().__init__(directory, gateway)
        log = shutil.which("varnishncsa")
        form = "forwarded %m %U%q"
        self._log = Process("varnishncsa", [log, "-n", self._state, "-b", "-F", form], dict(os.environ), directory)

    @property
    def _state(self):
        return self.directory / "state"

    def arguments(self, gateway_port):
        return [
            "-F", "-n", self._state, "-j", "none", "-a", f"127.0.0.1:{self.port}", "-b", f"127.0.0.1:{gateway_port}",
            "-s", "malloc,16m", "-p", "timeout_idle=30", "-p", "max_retries=0",
        ]  # fmt: skip

    def start(self):
        super().start()
        self._log.start()

    def log(self):
        return self._log.log()

    def close(self):
        self._log.close()
        super().close()


REVERSE_PROXIES = [HaProxy, Nginx, Varnish]
