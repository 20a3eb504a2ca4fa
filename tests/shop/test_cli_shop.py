"""``yunmeng shop``, as shop keepers run it."""

import json
from pathlib import Path

from PIL import Image

from tests.conftest import CommandLine, told_in_one_line
from tests.shop.conftest import Write, row
from tests.subject.scenes import scene
from yunmeng.types import Region


def test_a_shop_from_a_catalogue(yunmeng: CommandLine, write: Write, folder: Path) -> None:
    file = write([row(n, currency="") for n in range(4)] + [row(4, title="")])
    checked = yunmeng("shop", "import", file, "--check", "--currency", "EUR", "--db", "my-shop")
    assert checked.returncode == 1
    assert "4 products with 4 pictures; rows with errors: 1. Nothing was changed." in checked.stdout
    assert not (yunmeng.folder / "my-shop").exists()
    done = yunmeng("shop", "import", file, "--currency", "EUR", "--db", "my-shop", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["products"], report["changed"]) == (4, 4)
    assert report["bad"] == [{"line": 6, "product": "p4", "reason": "it has no title"}]

    found = yunmeng("shop", "search", folder / "2.png", "--db", "my-shop", "--json")
    answer = json.loads(found.stdout)
    assert answer["products"][0]["id"] == "p2"
    assert answer["facets"]["brands"] == {"Bela": 2, "Ada": 2}
    shown = yunmeng("shop", "search", folder / "2.png", "--least", "12", "--sort", "-price", "--db", "my-shop")
    assert [line.split()[1] for line in shown.stdout.splitlines() if "Product" in line] == ["p3", "p2"]
    assert "Most likely:" in shown.stdout
    things = [Region(0.05, 0.1, 0.3, 0.5), Region(0.6, 0.35, 0.3, 0.5)]
    Image.fromarray(scene(*things)).save(folder / "two.png")
    regions = yunmeng("shop", "objects", folder / "two.png", "--db", "my-shop").stdout.splitlines()
    assert len(regions) == 2
    assert yunmeng("shop", "search", folder / "two.png", "--region", regions[1], "--db", "my-shop").returncode == 0
    similar = yunmeng("shop", "similar", "p2", "-k", "2", "--db", "my-shop", "--json")
    assert len(json.loads(similar.stdout)["products"]) == 2
    listed = yunmeng("shop", "products", "--filter", "brand = 'Ada'", "--db", "my-shop")
    assert "2 of 2 products" in listed.stdout
    removed = yunmeng("shop", "remove", "p1", "none", "--db", "my-shop")
    assert (removed.returncode, removed.stdout) == (1, "1 removed\n")
    words = yunmeng("shop", "search", "Product 3", "--db", "my-shop", "--json")
    assert json.loads(words.stdout)["guesses"] == []


def test_wrong_use_is_told_in_one_line(yunmeng: CommandLine, folder: Path) -> None:
    told_in_one_line(yunmeng("shop", "import", "none.csv", "--db", "my-shop"), "no such file: none.csv")
    told_in_one_line(yunmeng("shop", "objects", "none.jpg", "--db", "my-shop"), "no such file: none.jpg")
    told_in_one_line(yunmeng("shop", "search", "--db", "my-shop"), "name a QUERY, or give --text")
    told_in_one_line(yunmeng("shop", "search", "none.jpg", "--db", "my-shop"), "no such file: none.jpg")
    assert not (yunmeng.folder / "my-shop").exists()
    assert yunmeng("index", folder, "--db", "my-shop").returncode == 0
    told_in_one_line(yunmeng("shop", "products", "--db", "my-shop"), "no catalogue yet: yunmeng shop import")
    photo = folder / "0.png"
    told_in_one_line(yunmeng("shop", "search", photo, "--region", "a", "--db", "my-shop"), "is not four numbers")
