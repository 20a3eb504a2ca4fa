"""What stands in for the routes of duplicates where a test needs what no small library shows."""

import json
import re
from collections.abc import Sequence
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.sync_api import Page, Route

from yunmeng.apps.duplicates.types import KeepRule

NUMBER = re.compile(r"/groups/(\d+)")


class Duplicates:
    """Groups of the pictures that a server has, decided on and undone as the API says; ``orders`` keeps what was sent.

    ``groups`` are the reason and the ids of each, the kept one first; for more pictures than there are, ``7:id`` is
    another one that looks like ``id``. ``states`` are the answers to looks at the search, one after the other, the
    last of them again and again.
    """

    def __init__(self, address: str, groups: Sequence[tuple[str, Sequence[str]]], states: Sequence[Any] = ()) -> None:
        listed = httpx.get(f"{address}/v1/pictures?limit=500").json()["pictures"]
        self._pictures = {picture["id"]: picture for picture in listed}
        self.groups = {number: self._group(number, *given) for number, given in enumerate(groups, 1)}
        self.orders: list[tuple[str, Any]] = []
        self.fails = False
        self._discarded: dict[int, set[str]] = {}
        self._states = list(states) or [{"status": "done", "finished_at": "2026-11-02T09:30:00Z"}]

    def _group(self, number: int, reason: str, ids: Sequence[str]) -> dict[str, Any]:
        members = [
            {
                "picture": {**self._pictures[re.sub(r"^\d+:", "", id)], "id": id},
                "keep": at == 0,
                "there": True,
                "reason": reason,
                "score": 0.99 - 0.001 * at,
            }
            for at, id in enumerate(ids)
        ]
        return {"number": number, "decided": False, "members": members}

    def answer(self, page: Page) -> Page:
        """Answer for the server from now on."""
        page.route("**/v1/duplicates", self._look)
        page.route("**/v1/duplicates/**", self._act)
        page.route(re.compile(r"/v1/thumbnails/\d+%3A"), lambda route: route.fallback(url=_plain(route.request.url)))
        return page

    def _look(self, route: Route) -> None:
        if route.request.method == "POST" and not route.request.url.endswith("/cancel"):
            self.orders.append(("find", route.request.post_data_json))
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        members = sum(len(group["members"]) for group in self.groups.values())
        still = sum(not group["decided"] for group in self.groups.values())
        found = {"groups": len(self.groups), "pictures": members, "open": still}
        route.fulfill(json={**_NOTHING, **found, **state})

    def _act(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if address.path.endswith("/cancel"):
            self.orders.append(("cancel", None))
            self._states = [{"status": "cancelled"}]
            return self._look(route)
        found = NUMBER.search(address.path)
        if found is None:
            return route.fulfill(json=self._page(parse_qs(address.query)))
        if self.fails:
            error = {"code": "busy", "message": "full", "request_id": "1", "details": []}
            return route.fulfill(status=503, json={"error": error})
        group = self.groups[int(found[1])]
        if address.path.endswith("/undo"):
            self.orders.append(("undo", group["number"]))
            group["decided"] = False
            for member in group["members"]:
                member["there"] |= member["picture"]["id"] in self._discarded[group["number"]]
        else:
            discard = json.loads(route.request.post_data or "")["discard"]
            self.orders.append((f"decide {group['number']}", discard))
            self._discarded[group["number"]] = set(discard)
            group["decided"] = True
            for member in group["members"]:
                member["keep"] = member["picture"]["id"] not in discard
                member["there"] &= member["keep"]
        return route.fulfill(json=group)

    def _page(self, asked: dict[str, list[str]]) -> dict[str, Any]:
        wanted = [group for group in self.groups.values() if group["decided"] is not (asked["open"] == ["true"])]
        first, most = int(asked["offset"][0]), int(asked["limit"][0])
        more = first + most < len(wanted)
        return {"groups": wanted[first : first + most], "next_offset": first + most if more else None}


_NOTHING = {
    "phase": None,
    "done": 0,
    "total": None,
    "finished_at": None,
    "error": None,
    "rules": get_args(KeepRule),
}


def _plain(address: str) -> str:
    return re.sub(r"/thumbnails/\d+%3A", "/thumbnails/", address)
