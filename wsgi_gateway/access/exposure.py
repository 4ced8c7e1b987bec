"""Whether the gateway may serve clients without keys where it listens: on loopback, or where its owner says so.

Whoever reaches an open gateway spends its owner's money. An application that mounts the blueprint, or runs under a
server of its own, is the one to decide who reaches it: nobody knows here where that listens.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from wsgi_gateway.config import Config

VARIABLE = "WSGI_GATEWAY_ACCESS"


class Exposed(ValueError):
    """The gateway would be open to others than this machine; the message says what to do."""


def check_exposure(config: Config, hosts: Iterable[str], environ: Mapping[str, str]) -> None:
    """``hosts`` are the addresses to listen on. Raises Exposed, and ValueError for another word than "open"."""
    word = environ.get(VARIABLE, "")
    if word not in ("", "open"):
        raise ValueError(f"{VARIABLE} is not open: {word}")
    if not is_for_this_machine(config, environ):
        return
    for host in hosts:
        if not is_loopback(host):
            raise Exposed(
                f"{host or 'every interface'} is not a loopback address, and clients need no key: whoever reaches "
                "it would use the providers' keys\n"
                "    configure access.keys or access.key_file, listen on 127.0.0.1, or say that it shall be open: "
                f"serve --open, {VARIABLE}=open, or access: open in the config"
            )


def is_for_this_machine(config: Config, environ: Mapping[str, str]) -> bool:
    """Whether clients need no key because only those of this machine are meant."""
    return not (config.access.needs_key or config.access.is_open or environ.get(VARIABLE))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; a Unix socket's path is one."""
    if host == "localhost" or host.startswith(("/", "unix:")):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
