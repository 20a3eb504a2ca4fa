"""Time stamps of an authority that runs here: ``openssl ts`` behind a tiny server."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.copyright.conftest import picture
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.tables import canonical
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import FetchError, QueryError
from yunmeng.library import Library

need("rfc3161_client", extra="copyright")
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

CONFIGURATION = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[authority]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates and the key of an authority."""
    folder = tmp_path_factory.mktemp("authority")
    (folder / "openssl.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    new = "req -config openssl.cnf -newkey rsa:2048 -nodes -days 30"
    for command in (
        f"{new} -x509 -extensions root -subj /CN=Root -keyout root.key -out root.pem",
        f"{new} -subj /CN=Authority -keyout tsa.key -out tsa.csr",
        "x509 -req -in tsa.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile openssl.cnf "
        "-extensions tsa -out tsa.pem",
    ):
        openssl(folder, command)
    return folder


def openssl(folder: Path, command: str) -> str:
    done = subprocess.run(["openssl", *command.split()], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def tsa_url(authority: Path, httpserver: HTTPServer) -> str:
    def answer(request: Request) -> Response:
        assert request.content_type == "application/timestamp-query"
        (authority / "query.tsq").write_bytes(request.data)
        openssl(authority, "ts -reply -config openssl.cnf -section authority -queryfile query.tsq -out answer.tsr")
        return Response((authority / "answer.tsr").read_bytes(), content_type="application/timestamp-reply")

    httpserver.expect_request("/tsa").respond_with_handler(answer)
    return httpserver.url_for("/tsa")


@pytest.fixture
def stamping(tmp_path: Path, settings: Settings, authority: Path, tsa_url: str) -> Iterator[Library]:
    told = settings.model_copy(update={"tsa_url": tsa_url, "tsa_certificates": authority / "root.pem"})
    with Library.create(tmp_path / "works", FakeEncoder(), settings=told) as library:
        yield library


def test_the_register_is_stamped_and_the_stamp_verified(
    stamping: Library, authority: Path, tmp_path: Path, settings: Settings
) -> None:
    works = Works(stamping)
    for seed in range(3):
        works.register(picture(seed), owner="Lin")
    head = works.head()
    entry = works.stamp()
    assert (entry.kind, entry.number, entry.content["head"]) == ("timestamp", 4, head.as_dict())
    assert works.stamp() == entry  # nothing new to stamp
    works.register(picture(3), owner="Lin")
    found = works.verify()
    assert (found.sound, found.timestamps, found.unchecked) == (True, 1, 0)

    proof = works.prove(2)
    assert proof["tree"] == head.as_dict()
    assert "timestamp" not in works.prove(5)
    (tmp_path / "stamp.tsr").write_bytes(base64.b64decode(proof["timestamp"]["response"]))
    (tmp_path / "head.json").write_bytes(canonical(proof["tree"]))
    openssl(tmp_path, f"ts -verify -data head.json -in stamp.tsr -CAfile {authority / 'root.pem'}")


def test_another_authority_and_another_head_do_not_pass(
    stamping: Library, authority: Path, tmp_path: Path, settings: Settings
) -> None:
    from yunmeng.apps.copyright.timestamps import Stamper

    works = Works(stamping)
    works.register(picture(0), owner="Lin")
    content = dict(works.stamp().content)
    stamper = Stamper(stamping.settings)
    assert stamper.check(content) is None
    assert stamper.check({**content, "head": {"size": 2, "root": "00"}}) is not None
    assert stamper.check({**content, "response": "AAAA"}) is not None
    assert stamper.check({**content, "response": 7}) is not None
    openssl(
        tmp_path,
        f"req -config {authority / 'openssl.cnf'} -newkey rsa:2048 -nodes -days 30 -x509 -extensions root "
        "-subj /CN=Another -keyout other.key -out other.pem",
    )
    other = settings.model_copy(update={"tsa_certificates": tmp_path / "other.pem"})
    assert Stamper(other).check(content) is not None
    with pytest.raises(LookupError):
        Stamper(settings).check(content)


@pytest.mark.parametrize("answer", [b"", b"nonsense", None])
def test_an_authority_that_fails_costs_no_registration(
    library: Library, httpserver: HTTPServer, answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/bad").respond_with_data(answer or b"", status=500 if answer is None else 200)
    told = library.settings.model_copy(update={"tsa_url": httpserver.url_for("/bad")})
    monkeypatch.setattr(library.resources, "settings", told)
    works = Works(library)
    with pytest.raises(QueryError, match="nothing is registered"):
        works.stamp()
    works.register(picture(0), owner="Lin")
    with pytest.raises(FetchError, match="no time stamp from"):
        works.stamp()
    assert works.head().size == 1
    assert works.verify().sound


def test_without_an_authority_nothing_is_stamped(library: Library, works: Works) -> None:
    works.register(picture(0), owner="Lin")
    assert not works.stamps
    with pytest.raises(QueryError, match="YUNMENG_TSA_URL"):
        works.stamp()


def test_a_stamp_of_other_entries_is_found(stamping: Library) -> None:
    works = Works(stamping)
    works.register(picture(0), owner="Lin")
    content = works.stamp().content
    works._tables.append([{name: content[name] for name in ("kind", "head", "authority", "stamped_at", "response")}])
    (problem,) = works.verify().problems
    assert (problem.kind, problem.number) == ("timestamp", 3)
