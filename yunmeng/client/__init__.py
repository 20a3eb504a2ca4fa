"""A client of ``yunmeng serve``, for programs that have the library elsewhere::

    from yunmeng.client import Client, Id

    with Client("https://pictures.example", key="ym_...") as client:
        client.add("red-shoe.jpg", id="shoes/red", attributes={"category": "shoes"})
        for hit in client.search("photo.jpg", k=5, filter="category = 'shoes'").hits:
            print(hit.id, hit.score)
        client.compare(Id("shoes/red"), "photo.jpg").score

`AsyncClient` has the same methods, to be awaited. An answer that is an error raises `ServerError`, no answer
`ServerUnreachable`; both are in `yunmeng.errors`. Answers are the models of `yunmeng.schemas`.
"""

from yunmeng.client.async_client import AsyncClient
from yunmeng.client.calls import Id, Picture, Question
from yunmeng.client.sync_client import Client

__all__ = ["AsyncClient", "Client", "Id", "Picture", "Question"]
