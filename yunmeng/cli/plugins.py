"""``yunmeng plugins``: list what other packages add."""

from typing import Any

import click

from yunmeng.terminal.options import json_option, print_json, printable


@click.command(epilog="\b\nExample:\n  yunmeng plugins --json\n")
@json_option
def plugins(as_json: bool) -> None:
    """List what other packages add: stores, encoders, readers, steps and apps.

    Each is loaded to see whether it can be used. How to write one: docs/extending.md.
    """
    from yunmeng.apps import APPS
    from yunmeng.encoders.catalogue import built_in_names
    from yunmeng.plugins import GROUPS, find, problem
    from yunmeng.search.rerank.registry import STEPS
    from yunmeng.stores.registry import BUILT_IN

    taken = {"stores": BUILT_IN, "steps": STEPS, "encoders": built_in_names(), "apps": [app.name for app in APPS]}
    rows: list[dict[str, Any]] = []
    for group in GROUPS:
        for plugin in find(group).values():
            reason = problem(plugin, taken.get(group, ()))
            row = {"group": group, "name": plugin.name, "package": plugin.package, "version": plugin.version}
            rows.append({**row, "state": "broken" if reason else "ok", **({"reason": reason} if reason else {})})
    if as_json:
        print_json({"plugins": rows})
        return
    for row in rows:
        told = printable(row.get("reason", "ok"))
        click.echo(f"{row['group']:<8}  {row['name']:<20}  {row['package']} {row['version']}  {told}")
    if not rows:
        click.echo("No installed package brings any.", err=True)
