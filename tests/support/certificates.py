"""Certificates of authorities of our own, as files and as what a TLS server is made with."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

from wsgi_gateway.config import Tls


@dataclass
class Certificates:
    """Two authorities. ``ours`` made the upstream's certificate, and the one that it demands of the gateway."""

    folder: Path

    def __post_init__(self) -> None:
        self._ours, self._others = trustme.CA(), trustme.CA()
        self.ca_file = self._file("ours.pem", self._ours.cert_pem)
        self.other_ca_file = self._file("others.pem", self._others.cert_pem)
        for name, authority in (("gateway", self._ours), ("stranger", self._others)):
            made = authority.issue_cert("gateway@example.org")
            self._file(f"{name}.crt", *made.cert_chain_pems)
            self._file(f"{name}.key", made.private_key_pem)
            self._file(f"{name}.pem", made.private_key_pem, *made.cert_chain_pems)

    def own(self, name: str = "gateway") -> dict[str, str]:
        """``tls`` of a provider that shows a certificate: the gateway's, or a stranger's."""
        files = {"cert_file": f"{name}.crt", "key_file": f"{name}.key"}
        paths = {key: str(self.folder / file) for key, file in files.items()}
        return {"ca_file": self.ca_file, **paths}

    def tls(self, name: str = "gateway") -> Tls:
        return Tls(**self.own(name))

    def server(self, *, demands_one: bool = False) -> ssl.SSLContext:
        """For a server that is called localhost, and may demand its client's certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ours.issue_cert("localhost").configure_cert(context)
        if demands_one:
            context.verify_mode = ssl.CERT_REQUIRED
            self._ours.configure_trust(context)
        return context

    def _file(self, name: str, *blobs: trustme.Blob) -> str:
        path = self.folder / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)
