"""``yunmeng deploy nginx``: what nginx itself says of it, what it takes, and what it refuses."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import CommandLine, told_in_one_line
from tests.nginx_server import check
from yunmeng.config import ServerSettings
from yunmeng.server import protocol

THREE = ["--server", "127.0.0.1:8001=3", "--server", "127.0.0.1:8002=1", "--server", "[::1]:8003"]


@pytest.mark.parametrize(
    "options",
    [
        ["--server", "127.0.0.1:8000"],
        THREE,
        [*THREE, "--prefix", "/search", "--name", "pictures.example"],
        [*THREE, "--prefix", "/a/b-c.d~e", "--listen", "127.0.0.1:8080"],
    ],
    ids=["one", "three", "prefix", "deep"],
)
def test_nginx_takes_it(yunmeng: CommandLine, tmp_path: Path, options: list[str]) -> None:
    done = yunmeng("deploy", "nginx", *options)
    assert done.returncode == 0, done.stderr
    checked = check(tmp_path / "nginx", done.stdout)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr


def test_nginx_takes_it_with_tls(yunmeng: CommandLine, tmp_path: Path, certificate: tuple[str, str]) -> None:
    options = ["--certificate", certificate[0], "--certificate-key", certificate[1]]
    done = yunmeng("deploy", "nginx", *THREE, "--name", "pictures.example", *options)
    checked = check(tmp_path / "nginx", done.stdout)
    assert checked.returncode == 0, checked.stderr
    assert "listen 443 ssl;" in done.stdout
    assert "return 308 https://" in done.stdout


def test_a_site_in_a_file_and_options_that_go_before_it(yunmeng: CommandLine, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        'prefix = "/search"\nname = "a.example"\n[[servers]]\naddress = "127.0.0.1:1"\nweight = 3\n'
        '[[servers]]\naddress = "127.0.0.1:2"\n'
    )
    done = yunmeng("deploy", "nginx", site, "--name", "b.example", "--out", "site.conf", "--json")
    told = json.loads(done.stdout)
    assert told["servers"] == [{"address": "127.0.0.1:1", "weight": 3}, {"address": "127.0.0.1:2", "weight": 1}]
    written = (tmp_path / "site.conf").read_text()
    assert ("server_name b.example;" in written, "a.example" in written) == (True, False)
    assert check(tmp_path / "nginx", written).returncode == 0
    plain = yunmeng("deploy", "nginx", site, "--name", "b.example")
    assert plain.stdout == written


def test_limits_are_those_of_the_servers(yunmeng: CommandLine) -> None:
    settings = {"YUNMENG_SERVER_MAX_BODY_BYTES": "12345678", "YUNMENG_SERVER_BODY_TIMEOUT": "7"}
    written = yunmeng("deploy", "nginx", *THREE, **settings).stdout
    assert "client_max_body_size 12345678;" in written
    assert "client_body_timeout 7s;" in written
    assert f"client_header_timeout {protocol.HEADER_SECONDS:g}s;" in written
    assert f"large_client_header_buffers 4 {protocol.HEADER_BYTES // 1024}k;" in written
    kept = re.search(r"keepalive_timeout (\d+)s", written)
    assert kept
    assert int(kept[1]) < 5  # uvicorn closes after 5 s
    assert f"client_max_body_size {ServerSettings().max_body_bytes};" in yunmeng("deploy", "nginx", *THREE).stdout


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "--server HOST:PORT"),
        (["--server", "10.0.0.1"], "HOST:PORT"),
        (["--server", "10.0.0.1:70000"], "65535"),
        (["--server", "10.0.0.1:80=0"], "servers.0.weight"),
        (["--server", "10.0.0.1:80=many"], "servers.0.weight"),
        (["--server", "10.0.0.1:80", "--server", "10.0.0.1:80"], "named twice"),
        (["--server", "10.0.0.1:80", "--prefix", "/a; return 200"], "prefix"),
        (["--server", "10.0.0.1:80", "--prefix", "search"], "such as /search"),
        (["--server", "10.0.0.1:80", "--prefix", "/.."], "prefix"),
        (["--server", "10.0.0.1:80", "--name", "a b"], "name"),
        (["--server", "10.0.0.1:80", "--listen", "everywhere"], "listen"),
        (["--server", "10.0.0.1:80", "--certificate", "a.pem"], "go together"),
        (["--server", "10.0.0.1:80", "--certificate", "a;", "--certificate-key", "b"], "certificate"),
        (["missing.toml"], "cannot be read"),
        (["wrong.toml"], "is no TOML"),
        (["strange.toml"], "server"),
        (["--server", "10.0.0.1:80", "--out", "nowhere/site.conf"], "cannot be written"),
    ],
)
def test_what_is_refused(yunmeng: CommandLine, tmp_path: Path, options: list[str], complaint: str) -> None:
    (tmp_path / "wrong.toml").write_text("servers = [")
    (tmp_path / "strange.toml").write_text('server = "10.0.0.1:80"\n')
    told_in_one_line(yunmeng("deploy", "nginx", *options), complaint)
