"""``yunmeng deploy``."""

from pathlib import Path
from typing import Any

import click

from yunmeng.terminal.options import json_option, print_json

__all__ = ["deploy"]


@click.group(epilog="\b\nExample:\n  yunmeng deploy nginx --server 10.0.0.1:8000=3 --server 10.0.0.2:8000\n")
def deploy() -> None:
    """Write the configuration of a load balancer in front of several servers."""


@deploy.command(
    epilog="""\b
Examples:
  yunmeng deploy nginx --server 10.0.0.1:8000 --server 10.0.0.2:8000 --out /etc/nginx/conf.d/yunmeng.conf
  yunmeng deploy nginx --server 10.0.0.1:8000=3 --server 10.0.0.2:8000=1 --prefix /search
  yunmeng deploy nginx --server 10.0.0.1:8000 --name pictures.example --certificate site.pem --certificate-key site.key
  yunmeng deploy nginx site.toml
\b
A site in TOML:
  name = "pictures.example"
  prefix = "/search"
  [[servers]]
  address = "10.0.0.1:8000"
  weight = 3
  [[servers]]
  address = "10.0.0.2:8000"
"""
)
@click.argument("site", type=click.Path(path_type=Path), required=False)
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="HOST:PORT[=WEIGHT]",
    help="A server and its share of the requests; once for each. In turn where all have the same weight.",
)
@click.option("--name", help="Name of the site, such as pictures.example; any where none is given.")
@click.option("--listen", metavar="[HOST:]PORT", help="Where nginx listens: 80, or 443 with a certificate.")
@click.option("--prefix", metavar="PATH", help="Path below which the servers are shown, such as /search.")
@click.option("--certificate", metavar="FILE", help="TLS certificate, as a path on nginx's machine.")
@click.option("--certificate-key", metavar="FILE", help="Its key.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write into this file, not to stdout.")
@json_option
def nginx(site: Path | None, servers: tuple[str, ...], out: Path | None, as_json: bool, **given: str | None) -> None:
    """Write a configuration of nginx for several servers.

    The servers come from options, or from a file SITE in TOML; options go before what the file says. Limits of uploads
    are those of this machine's YUNMENG_SERVER_ settings: set them as on the servers. Check it with nginx -t.
    """
    from yunmeng.config import ServerSettings
    from yunmeng.deploy.nginx import configuration
    from yunmeng.deploy.site import described, server_of
    from yunmeng.errors import SettingsError

    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if servers:
        options["servers"] = [server_of(text) for text in servers]
    found = described(site, options)
    text = configuration(found, ServerSettings.load())
    if out is not None:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as exc:
            raise SettingsError(f"{out} cannot be written: {exc.strerror}") from exc
    if as_json:
        written = {"out": str(out)} if out is not None else {"configuration": text}
        print_json({"servers": [server.model_dump() for server in found.servers], **written})
    elif out is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"{out}: check it with nginx -t, then reload nginx", err=True)
