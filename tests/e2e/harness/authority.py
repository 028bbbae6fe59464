"""An authority of the tests' own, and certificates that it signs, by the openssl command."""

import subprocess

_NEW_KEY = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
LOOPBACK = "IP:127.0.0.1,DNS:redis.test"
EXPIRED = -1  # days


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=20)


class Authority:
    """Its certificate is at `path`."""

    def __init__(self, directory, name="authority"):
        self._directory = directory
        self.path = directory / f"{name}.pem"
        self._key = directory / f"{name}.key"
        subject = ["-days", 2, "-subj", "/CN=Tally's tests"]
        _openssl("req", "-x509", *_NEW_KEY, *subject, "-keyout", self._key, "-out", self.path)

    def sign(self, name, alternatives=LOOPBACK, days=2):
        """Makes a certificate, or replaces it. Returns its path and its key's, as text."""
        certificate, key, request, extensions = (
            self._directory / f"{name}.{suffix}" for suffix in ("pem", "key", "csr", "extensions")
        )
        _openssl("req", "-new", *_NEW_KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        extensions.write_text(f"subjectAltName={alternatives}\nbasicConstraints=critical,CA:FALSE\n")
        signed = ["-CA", self.path, "-CAkey", self._key, "-CAcreateserial", "-extfile", extensions]
        _openssl("x509", "-req", "-in", request, *signed, "-days", days, "-out", certificate)
        return str(certificate), str(key)


def tls_settings(authority, port):
    """Of a redis-server that speaks TLS on the port, and asks clients for no certificate."""
    certificate, key = authority.sign("redis")
    settings = {"tls_port": port, "tls_ca_cert_file": authority.path, "tls_auth_clients": "no"}
    return settings | {"tls_cert_file": certificate, "tls_key_file": key}


def client_tls(authority):
    """For redis.Redis, to such a server; authority None: to a plain one."""
    return {"ssl": True, "ssl_ca_certs": str(authority.path)} if authority else {}


def service_tls(authority):
    """Settings of a counter-service, likewise."""
    return {"REDIS_TLS": "true", "REDIS_TLS_CA": authority.path} if authority else {}
