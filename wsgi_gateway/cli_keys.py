"""`wsgi-gateway keys`: the command line of the key file. What it does is in access/key_commands.py."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from wsgi_gateway.config.key_file import StoredKey

_EXIT_FAILED = 2


def _where(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which file is meant."""
    config = click.option(
        "-c",
        "--config",
        envvar="WSGI_GATEWAY_CONFIG",
        type=click.Path(),
        help="Config file whose access.key_file is meant.",
    )
    file = click.option("-f", "--file", type=click.Path(), help="The key file itself, instead.")
    return config(file(command))


@click.group()
def keys() -> None:
    """Make, list and revoke clients' keys in a key file, which running workers follow."""


@keys.command()
@click.argument("client_id", metavar="ID")
@_where
@click.option(
    "--model", "models", multiple=True, help="Glob of models that it may use; repeatable."
)
@click.option("--requests", multiple=True, help="How many requests, like 60/m; repeatable.")
@click.option("--tokens", multiple=True, help="How many tokens, like 100000/m; repeatable.")
@click.option("--budget", multiple=True, help="US dollars, like 20/d; repeatable.")
@click.option("--concurrency", type=click.IntRange(1), help="Requests at a time.")
def create(
    client_id: str,
    config: str | None,
    file: str | None,
    models: tuple[str, ...],
    concurrency: int | None,
    **rates: tuple[str, ...],
) -> None:
    """Make a key for the client ID and print it, which is never done again.

    A client may have several keys, as while one is replaced: they share its limits and stored responses. What is not
    said is as with its newest key.
    """
    from wsgi_gateway.access.key_commands import create_key
    from wsgi_gateway.config.key_file import StoredKey

    with _failing() as path_of:
        path = path_of(config, file)
        like = StoredKey(
            id=client_id,
            prefix="",
            hash="",
            created="",
            models=list(models) or None,
            concurrency=concurrency,
            **{name: list(given) for name, given in rates.items()},
        )
        key, stored = create_key(path, like)
    click.echo(f"key of {stored.id}, kept as its hash in {path}:", err=True)
    click.echo(key)


@keys.command("list")
@_where
def list_(config: str | None, file: str | None) -> None:
    """Print the keys' prefixes, whose they are and what they allow."""
    from wsgi_gateway.access.key_commands import list_keys
    from wsgi_gateway.config.describe import columns

    with _failing() as path_of:
        found = list_keys(path_of(config, file))
    header = ("ID", "KEY", "MODELS", "REQUESTS", "TOKENS", "BUDGET", "CONCURRENCY", "CREATED")
    click.echo(columns([header, *map(_row, found)]))


@keys.command()
@click.argument("which", metavar="ID|PREFIX")
@_where
def revoke(which: str, config: str | None, file: str | None) -> None:
    """Revoke all keys of the client ID, or the one key that begins with PREFIX as `list` prints it."""
    from wsgi_gateway.access.key_commands import revoke_keys

    with _failing() as path_of:
        gone = revoke_keys(path_of(config, file), which.rstrip("…"))
    for key in gone:
        click.echo(f"revoked {key.prefix}… of {key.id}")
    if not gone:
        click.echo(f"no key of {which}", err=True)
        raise click.exceptions.Exit(_EXIT_FAILED)


def _row(key: StoredKey) -> tuple[str, ...]:
    return (
        key.id,
        f"{key.prefix}…",
        ", ".join(key.models or ["*"]),
        ", ".join(key.requests),
        ", ".join(key.tokens),
        ", ".join(key.budget),
        str(key.concurrency or ""),
        key.created,
    )


@contextmanager
def _failing() -> Iterator[Callable[[str | None, str | None], Path]]:
    """What goes wrong inside ends the command with exit code 2, in words."""
    from wsgi_gateway.config import ConfigError
    from wsgi_gateway.config.key_file import BadKeyFile

    try:
        yield _path
    except FileNotFoundError as error:
        _fail(f"{error.filename}: no such file or folder")
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}")
    except (BadKeyFile, ConfigError) as error:
        _fail(str(error))


def _path(config: str | None, file: str | None) -> Path:
    from wsgi_gateway.config import load_config

    if file is not None:
        return Path(file).absolute()
    if config is None:
        raise click.UsageError("give --file, or --config with access.key_file")
    found = load_config(config, os.environ).access.key_file
    if found is None:
        raise click.UsageError(f"{config} has no access.key_file")
    return Path(found)


def _fail(message: str) -> None:
    click.echo(message, err=True)
    raise click.exceptions.Exit(_EXIT_FAILED)
