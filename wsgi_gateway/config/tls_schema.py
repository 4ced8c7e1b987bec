"""``model_providers[].tls`` as it is written in the config file."""

from typing import Annotated

from msgspec import Meta, Struct

from wsgi_gateway.config.key_types import Name


class TlsEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Whom the gateway trusts at an upstream, and how it shows who it is. Paths begin at the config's folder."""

    ca_file: Annotated[
        Name | None,
        Meta(
            description="PEM file with the certificates of the authorities that are trusted, in place of the usual "
            "ones (certifi's)."
        ),
    ] = None
    cert_file: Annotated[
        Name | None,
        Meta(
            description="PEM file with the gateway's own certificate, for upstreams that demand one."
        ),
    ] = None
    key_file: Annotated[
        Name | None,
        Meta(description="PEM file with its key, not encrypted. Default: it is in cert_file."),
    ] = None
    server_name: Annotated[
        Name | None,
        Meta(
            description="What the upstream's certificate is for, where it is not base_url's host."
        ),
    ] = None
