"""Re-ranking, metrics, groups and explanations on the command line, as users type them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import CommandLine, paint, told_in_one_line
from tests.needing import need


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> CommandLine:
    """Twelve pictures of four products, in a library whose metric is the Manhattan distance."""
    folder = tmp_path_factory.mktemp("shop")
    rows = ["path,product"]
    for number in range(12):
        (folder / "classes" / str(number // 3)).mkdir(parents=True, exist_ok=True)
        path = f"classes/{number // 3}/{number}.png"
        paint(number // 3, (400, 300)).rotate(5 * (number % 3)).save(folder / path)
        rows.append(f"{path},p{number // 3}")
    (folder / "shop.csv").write_text("\n".join(rows))
    yunmeng = CommandLine(folder, cache_dir)
    encoder = ("--encoder", "efficientnet-lite0", "--attributes", "product:str", "--metric", "manhattan")
    done = yunmeng("index", "shop.csv", "--db", "library", *encoder)
    assert done.returncode == 0, done.stderr
    return yunmeng


def hits(run: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    done = run("search", "--db", "library", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["hits"]
    return found


def test_steps_metric_and_groups_are_asked_for(shop: CommandLine) -> None:
    first = "id:classes/0/0.png"
    assert json.loads(shop("info", "--db", "library", "--json").stdout)["metric"] == "manhattan"
    explained = hits(shop, first, "--rerank", "average, diverse", "--explain")
    assert [part["step"] for part in explained[0]["explanation"]] == ["search", "manhattan", "average", "diverse"]
    plain = hits(shop, first, "--metric", "cosine", "--explain", "-k", "2")
    assert [part["step"] for part in plain[0]["explanation"]] == ["search"]
    grouped = hits(shop, first, "--group-by", "product", "--rerank", "reciprocal")
    assert sorted(hit["attributes"]["product"] for hit in grouped) == ["p0", "p1", "p2", "p3"]
    assert "explanation" not in grouped[0]


def test_explanations_are_read_by_people_too(shop: CommandLine) -> None:
    done = shop("search", "id:classes/1/4.png", "--db", "library", "--rerank", "diverse", "--explain")
    assert done.returncode == 0, done.stderr  # in a pipe, lines are as long as they have to be
    assert "search: 1.000 (1), manhattan: 1.000 (1), diverse: 0.700 (1)" in done.stdout


def test_geometry_is_told_and_drawn(shop: CommandLine) -> None:
    need("cv2", extra="copies")
    coarse = np.random.default_rng(3).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC)
    picture.save(shop.folder / "whole.png")
    picture.crop((200, 0, 400, 300)).save(shop.folder / "part.png")
    assert shop("index", "whole.png", "--db", "library").returncode == 0
    found = hits(shop, "part.png", "--rerank", "geometry", "--sheet", "hits.png")
    assert found[0]["id"] == "whole.png"
    assert found[0]["alignment"]["target_overlap"] == pytest.approx(0.5, abs=0.05)
    with Image.open(shop.folder / "hits.png") as sheet:
        assert min(sheet.size) > 500


def test_names_that_are_none_are_told(shop: CommandLine) -> None:
    told_in_one_line(shop("search", "id:classes/0/0.png", "--db", "library", "--rerank", "magic"), "'magic'")
    told_in_one_line(shop("search", "id:classes/0/0.png", "--db", "library", "--metric", "magic"), "'magic'")
    other = shop("index", "shop.csv", "--db", "library", "--metric", "cosine")
    told_in_one_line(other, "was made with the metric manhattan")


def test_judging_takes_steps_and_keeps_its_keys(shop: CommandLine) -> None:
    arguments = ("classes", "classes", "--encoder", "efficientnet-lite0", "--json")
    plain = json.loads(shop("eval", *arguments).stdout)
    ranked = json.loads(shop("eval", *arguments, "--rerank", "reciprocal").stdout)
    assert set(plain) == set(ranked) == {"mAP", "P@1", "P@10", "queries"}
    assert plain["queries"] == ranked["queries"] == 12
    assert ranked["P@1"] == plain["P@1"] == 1  # every query is in the gallery
    assert ranked["mAP"] != plain["mAP"]
    told_in_one_line(shop("eval", *arguments, "--rerank", "magic"), "'magic'")
