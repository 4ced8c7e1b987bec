"""``model_providers[].tls``: the files are there and usable, or it is said what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from msgspec.structs import replace
from support.certificates import Certificates

from wsgi_gateway.config import Config, ConfigError, Tls, load_config
from wsgi_gateway.config.describe import describe_config


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def load(certificates: Certificates, url: str = "https://h", **tls: Any) -> Config:
    """From a file beside the certificates."""
    entry = {"model": "mine/m", "base_url": url, "tls": tls}
    file = certificates.folder / "config.yaml"
    file.write_text(json.dumps({"model_providers": [entry]}))
    return load_config(file, {})


def problem(certificates: Certificates, **tls: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(certificates, **tls)
    (only,) = caught.value.problems
    assert "PRIVATE" not in str(only)
    return str(only)


def test_files_begin_at_the_config_s_folder(certificates: Certificates) -> None:
    config = load(certificates, ca_file="ours.pem", cert_file="gateway.crt", key_file="gateway.key")
    tls = config.providers[0].tls
    assert replace(tls, marks=()) == certificates.tls()
    assert config.warnings == ()
    assert load(certificates).providers[0].tls == Tls()
    assert load(certificates, cert_file="gateway.pem").providers[0].tls.key_file is None


def test_files_that_have_changed_are_others(certificates: Certificates) -> None:
    before = load(certificates, ca_file="ours.pem", cert_file="gateway.pem").providers[0].tls
    assert (
        before == load(certificates, ca_file="ours.pem", cert_file="gateway.pem").providers[0].tls
    )
    file = certificates.folder / "gateway.pem"
    file.with_suffix(".new").write_bytes(file.read_bytes())
    file.with_suffix(".new").replace(file)
    assert (
        before != load(certificates, ca_file="ours.pem", cert_file="gateway.pem").providers[0].tls
    )


def test_a_name_is_checked(certificates: Certificates) -> None:
    named = load(certificates, server_name="models.internal")
    assert named.providers[0].tls == Tls(server_name="models.internal")
    told = problem(certificates, server_name="a name\r\nx: y")
    assert "tls.server_name: not a host name" in told


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"ca_file": "none.pem"}, "tls.ca_file: no such file"),
        ({"ca_file": "."}, "tls.ca_file: cannot be read"),
        ({"ca_file": "\0"}, "tls.ca_file: cannot be read"),
        ({"ca_file": "config.yaml"}, "tls.ca_file: has no certificate in PEM form"),
        ({"key_file": "gateway.key"}, "tls: cert_file is missing"),
        ({"cert_file": "gateway.crt"}, "tls.cert_file: has no certificate with its key"),
        (
            {"cert_file": "gateway.crt", "key_file": "stranger.key"},
            "tls: cert_file and key_file do not belong together",
        ),
        (
            {"cert_file": "ours.pem", "key_file": "config.yaml"},
            "tls: cert_file and key_file are no certificate and its key",
        ),
        ({"cert": "gateway.crt"}, "tls.cert: unknown key"),
    ],
)
def test_what_cannot_be_used(certificates: Certificates, tls: dict[str, str], said: str) -> None:
    assert said in problem(certificates, **tls)


def test_an_encrypted_key_is_not_asked_for(certificates: Certificates) -> None:
    plain = serialization.load_pem_private_key(
        (certificates.folder / "gateway.key").read_bytes(), None
    )
    locked = plain.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    (certificates.folder / "locked.key").write_bytes(locked)
    told = problem(certificates, cert_file="gateway.crt", key_file="locked.key")
    assert "tls: the private key is encrypted" in told


def test_it_is_of_no_use_without_tls(certificates: Certificates) -> None:
    config = load(certificates, "http://h", ca_file="ours.pem")
    (warning,) = config.warnings
    assert "tls: has no effect: base_url is not https" in str(warning)


def test_it_is_described(certificates: Certificates) -> None:
    text = describe_config(load(certificates, **certificates.own(), server_name="x.example"))
    assert f"tls: authorities {certificates.ca_file}, own certificate " in text
    assert "server name x.example" in text
