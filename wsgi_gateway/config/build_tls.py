"""``model_providers[].tls``: the files are read, to see that they can be used, and marked, as others may follow.

What is in the files is never shown.
"""

import re
import ssl
from pathlib import Path as FilePath

from wsgi_gateway.config.model import Tls
from wsgi_gateway.config.problems import Path, Report
from wsgi_gateway.config.tls_schema import TlsEntry

_SERVER_NAME = re.compile(r"[A-Za-z0-9._:-]+")


class _EncryptedKey(Exception):
    """A private key that wants a passphrase."""


def build_tls(entry: TlsEntry | None, path: Path, report: Report) -> Tls:
    """The usual authorities, and no certificate of the gateway's own, if nothing is said."""
    if entry is None:
        return Tls()
    files = {
        key: _file(given, (*path, key), report)
        for key in ("ca_file", "cert_file", "key_file")
        if (given := getattr(entry, key)) is not None
    }
    if entry.key_file is not None and entry.cert_file is None:
        report.error(path, "cert_file is missing: key_file is the key of one")
    if entry.server_name is not None and not _SERVER_NAME.fullmatch(entry.server_name):
        report.error((*path, "server_name"), "not a host name", "like models.internal")
    tls = Tls(**files, server_name=entry.server_name, marks=tuple(map(_mark, files.values())))
    if not report.failed(path):
        _check_authorities(tls, path, report)
        _check_certificate(tls, path, report)
    return tls


def _file(given: str, path: Path, report: Report) -> str:
    """Its absolute path. Relative ones begin at the config's folder."""
    try:
        folder = FilePath(report.file).parent if report.file else FilePath()
        file = (folder / FilePath(given).expanduser()).absolute()
        with file.open("rb"):
            return str(file)
    except FileNotFoundError:
        report.error(path, "no such file")
    except (OSError, RuntimeError, ValueError):
        report.error(path, "cannot be read")
    return given


def _mark(file: str) -> tuple[int, int, int]:
    try:
        status = FilePath(file).stat()
    except (OSError, ValueError):
        return 0, 0, 0  # It has been reported.
    return status.st_mtime_ns, status.st_ino, status.st_size


def _check_authorities(tls: Tls, path: Path, report: Report) -> None:
    if tls.ca_file is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(tls.ca_file)
    except OSError:
        report.error((*path, "ca_file"), "has no certificate in PEM form")


def _check_certificate(tls: Tls, path: Path, report: Report) -> None:
    if tls.cert_file is None:
        return
    here = (*path, "cert_file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
            tls.cert_file, tls.key_file, password=_refuse
        )
    except _EncryptedKey:
        report.error(path, "the private key is encrypted", "give one without a passphrase")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            report.error(path, "cert_file and key_file do not belong together")
        elif tls.key_file is None:
            report.error(
                here, "has no certificate with its key in PEM form", "is key_file missing?"
            )
        else:
            report.error(path, "cert_file and key_file are no certificate and its key in PEM form")


def _refuse() -> str:
    """Else OpenSSL asks on the terminal."""
    raise _EncryptedKey
