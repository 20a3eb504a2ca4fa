"""A site as a configuration of nginx, for the folder that nginx includes inside ``http { }``."""

import json
import re
from typing import Final

from yunmeng.config import ServerSettings
from yunmeng.deploy.site import Site
from yunmeng.version import __version__

__all__ = ["configuration"]

MOST_FAILS: Final = 2
FAIL_SECONDS: Final = 10
"""A server that fails so often within these seconds gets no request for as long."""
CONNECT_SECONDS: Final = 2
AGAIN_SECONDS: Final = 15
"""How long one request is passed from server to server."""
ANSWER_SECONDS: Final = 300
"""The longest silence of a server that works: it adds 256 pictures, or compares with a large library."""
KEPT: Final = 64
KEPT_SECONDS: Final = 4
"""Idle connections to servers, which close them themselves after 5 s: nginx must not send into one that closes."""
HEADER_SECONDS: Final = 10
HEADER_KILOBYTES: Final = 64
"""The servers' own limits of headers."""
STALLED_SECONDS: Final = 30

_STREAMS: Final = r"/v1/(jobs|imports)/[0-9]+/events"
_READS: Final = r"/v1/(search|subject|why|match|compare|shop/search|shop/objects)(/upload|/evidence)?"
"""Routes that are posted to and change nothing, so that they may be asked of another server as well."""


def configuration(site: Site, settings: ServerSettings) -> str:
    """Return the configuration; limits of bodies are those of ``settings``, as the servers have them."""
    listen = site.listen or ("443" if site.certificate else "80")
    parts = [_head(site), _upstream(site)]
    if site.certificate and listen == "443":
        parts.append(_redirect(site))
    body = [
        _listen(site, listen),
        _limits(settings),
        _passing(site, settings),
        _locations(site),
        _errors(settings),
    ]
    parts.append("server {\n" + _indented("\n".join(body)) + "}\n")
    return "\n".join(parts)


def _head(site: Site) -> str:
    how = "by weight" if site.weighted else "in turn"
    return (
        f"# Written by yunmeng {__version__}, deploy nginx: requests go {how} to {len(site.servers)} server(s).\n"
        "# Put it where nginx includes files inside http { }, such as /etc/nginx/conf.d/yunmeng.conf.\n"
        "# Each server must name this machine in YUNMENG_SERVER_TRUSTED_PROXIES.\n"
    )


def _upstream(site: Site) -> str:
    lines = [f"zone {_group(site)} 64k;  # all workers of nginx count together"]
    for server in site.servers:
        weight = f" weight={server.weight}" if server.weight > 1 else ""
        lines.append(f"server {server.address}{weight} max_fails={MOST_FAILS} fail_timeout={FAIL_SECONDS}s;")
    lines += [f"keepalive {KEPT};", f"keepalive_timeout {KEPT_SECONDS}s;  # the servers close theirs after 5 s"]
    return f"upstream {_group(site)} {{\n" + _indented("\n".join(lines)) + "}\n"


def _redirect(site: Site) -> str:
    lines = f"listen 80;\nserver_name {site.name};\nreturn 308 https://$host$request_uri;\n"
    return "server {\n" + _indented(lines) + "}\n"


def _listen(site: Site, listen: str) -> str:
    if site.certificate is None:
        return f"listen {listen};\nserver_name {site.name};\n"
    return (
        f"listen {listen} ssl;\nserver_name {site.name};\n"
        f"ssl_certificate {site.certificate};\nssl_certificate_key {site.certificate_key};\n"
        f"ssl_protocols TLSv1.2 TLSv1.3;\nssl_session_cache shared:{_group(site)}_tls:10m;\n"
    )


def _limits(settings: ServerSettings) -> str:
    return (
        f"client_max_body_size {settings.max_body_bytes};\n"
        f"client_body_timeout {min(STALLED_SECONDS, _seconds(settings.body_timeout))}s;\n"
        f"client_header_timeout {HEADER_SECONDS}s;\n"
        f"large_client_header_buffers 4 {HEADER_KILOBYTES}k;\n"
        f"send_timeout {STALLED_SECONDS}s;\n"
    )


def _passing(site: Site, settings: ServerSettings) -> str:
    return f"""\
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $http_host;
# Overwritten, never added to: what a caller says of itself is not believed.
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Prefix "{site.prefix}";
proxy_set_header Forwarded "";
proxy_set_header X-Real-IP "";
proxy_connect_timeout {CONNECT_SECONDS}s;
proxy_send_timeout {_seconds(settings.body_timeout)}s;
proxy_read_timeout {ANSWER_SECONDS}s;
# A request that changes something is passed on only if no server has been sent it.
proxy_next_upstream error timeout;
proxy_next_upstream_timeout {AGAIN_SECONDS}s;
proxy_redirect off;
"""


def _locations(site: Site) -> str:
    pass_on = f"proxy_pass http://{_group(site)};"  # no path behind it: nginx would decode the ids in addresses
    start = re.escape(site.prefix)
    found = [
        'location = /nginx-health {\n    access_log off;\n    default_type text/plain;\n    return 200 "ok\\n";\n}\n',
        f"# Ready while any server is: one that is not is asked for nothing for {FAIL_SECONDS} s.\n"
        f"location = {site.prefix}/ready {{\n    proxy_next_upstream error timeout http_503;\n    {pass_on}\n}}\n",
        f'# Events of jobs.\nlocation ~ "^{start}{_STREAMS}$" {{\n    proxy_buffering off;\n    {pass_on}\n}}\n',
        "# Posted, and changes nothing: may be asked of another server.\n"
        f'location ~ "^{start}{_READS}$" {{\n'
        f"    proxy_next_upstream error timeout non_idempotent;\n    {pass_on}\n}}\n",
        f"location {site.prefix}/ {{\n    {pass_on}\n}}\n",
    ]
    if site.prefix:
        found.append(f"location = {site.prefix} {{\n    {pass_on}\n}}\n")
        found.append("location / {\n    return 404;\n}\n")
    return "\n".join(found)


def _errors(settings: ServerSettings) -> str:
    """Return nginx's own errors in the shape of the API; those of servers pass as they are."""
    large = f"the body has more than {settings.max_body_bytes:,} bytes (client_max_body_size)"
    silent = "no server answers: ask again in a moment"
    named = [
        ("413", "@too_large", 413, "too-large", large),
        ("502 504", "@unreachable", 502, "unreachable", silent),
    ]
    return "\n".join(_error(*one) for one in named)


def _error(caught: str, name: str, status: int, code: str, message: str) -> str:
    detail = {"code": code, "message": message, "request_id": "$request_id", "details": []}
    return (
        f"error_page {caught} {name};\nlocation {name} {{\n    default_type application/json;\n"
        f"    add_header X-Request-ID $request_id always;\n    return {status} '{json.dumps({'error': detail})}';\n}}\n"
    )


def _group(site: Site) -> str:
    """Return the name of the group of servers, one for each prefix: nginx may have several sites."""
    return "yunmeng" + re.sub(r"[^A-Za-z0-9]+", "_", site.prefix)


def _seconds(value: float) -> int:
    return max(1, round(value))


def _indented(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    return "".join(f"    {line}\n" if line else "\n" for line in lines)
