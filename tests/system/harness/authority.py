# SPDX-License-Identifier: BSD-3-Clause
"""Certificates for a test, made by openssl(1): an authority, what it signs, what it revokes."""

import ssl
from pathlib import Path

from .proc import run

CONFIG = """
[ca]
default_ca = here
[here]
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
crlnumber = {dir}/crlnumber
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = optional
organizationalUnitName = optional
"""


class Certificate:
    """A certificate and its key, in files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate = certificate
        self.key = key


class Authority:
    """A CA in a folder of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.dir = folder / name
        self.dir.mkdir()
        self.certificate = self.dir / "ca.pem"
        self.key = self.dir / "ca.key"
        self.config = self.dir / "ca.cnf"
        self.config.write_text(CONFIG.format(dir=self.dir))
        (self.dir / "index.txt").write_text("")
        (self.dir / "serial").write_text("1000\n")
        (self.dir / "crlnumber").write_text("01\n")
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", f"/CN={name}", "-keyout", self.key,
             "-out", self.certificate])

    def _ca(self, *words: str | Path) -> None:
        run(["openssl", "ca", "-batch", "-notext", "-config", self.config, "-cert",
             self.certificate, "-keyfile", self.key, *words])

    def issue(self, name: str, subject: str, *extensions: str, start: str = "20200101000000Z",
              end: str = "20490101000000Z") -> Certificate:
        """Sign one, as in issue("alice", "/OU=ops/CN=alice", "extendedKeyUsage=clientAuth")."""
        made = Certificate(self.dir / f"{name}.pem", self.dir / f"{name}.key")
        request = self.dir / f"{name}.csr"
        extra = self.dir / f"{name}.ext"
        extra.write_text("\n".join(["basicConstraints=CA:false", *extensions]) + "\n")
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-subj", subject, "-keyout", made.key, "-out", request])
        self._ca("-in", request, "-out", made.certificate, "-extfile", extra, "-startdate", start,
                 "-enddate", end)
        return made

    def intermediate(self, folder: Path, name: str) -> "Authority":
        """A CA that this one has signed."""
        below = Authority(folder, name)
        request = below.dir / "ca.csr"
        extra = below.dir / "ca.ext"
        extra.write_text("basicConstraints=critical,CA:true\nkeyUsage=keyCertSign,cRLSign\n")
        run(["openssl", "req", "-new", "-key", below.key, "-subj", f"/CN={name}", "-out", request])
        self._ca("-in", request, "-out", below.certificate, "-extfile", extra, "-days",
                 "30")
        return below

    def revoke(self, certificate: Certificate) -> None:
        """From the next list on."""
        self._ca("-revoke", certificate.certificate)

    def revocations(self) -> str:
        """The list of what is revoked (CRL), PEM."""
        path = self.dir / "crl.pem"
        self._ca("-gencrl", "-out", path)
        return path.read_text()

    def client(self, certificate: Certificate | None) -> ssl.SSLContext:
        """What a client needs that trusts this CA and shows that certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.certificate)
        if certificate:
            context.load_cert_chain(certificate.certificate, certificate.key)
        return context
