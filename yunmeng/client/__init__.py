"""Clients of ``yunmeng serve``, for programs on other machines. They have the methods of a `Library`::

    from yunmeng.client import Client

    with Client("https://pictures.example", key="ym_...") as client:
        client.add("red-shoe.jpg", id="shoes/red", attributes={"category": "shoes"})
        for hit in client.search("photo.jpg", k=5, filter="category = 'shoes'"):
            print(hit.id, hit.score)
        client.compare("photo.jpg", client.get("shoes/red")).score

`AsyncClient` has the same methods, to be awaited. Both raise `ServerError` if the server answers with an error, and
`ServerUnreachable` if it does not answer; see `yunmeng.errors`.
"""

from yunmeng.client.async_client import AsyncClient
from yunmeng.client.calls import EachOrAll, SearchArguments
from yunmeng.client.sync_client import Client

__all__ = ["AsyncClient", "Client", "EachOrAll", "SearchArguments"]
