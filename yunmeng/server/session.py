"""Routes about the caller: a browser exchanges its key for a cookie that its scripts cannot read."""

from fastapi import APIRouter, Request, Response

from yunmeng.schemas.about import KeyIn, SessionOut
from yunmeng.schemas.scopes import allowed
from yunmeng.server.admission import Route
from yunmeng.server.context import Here
from yunmeng.server.errors import Refused, responses
from yunmeng.server.guard import COOKIE
from yunmeng.server.proxies import cookie_path

__all__ = ["router"]

router = APIRouter(prefix="/v1/session", tags=["session"], route_class=Route)

DAYS_30 = 30 * 24 * 3600


@router.get("", responses=responses())
async def get_session(request: Request, here: Here) -> SessionOut:
    """Return whether a key is needed, and what the caller may do."""
    try:
        caller = await here.guard.caller(request)
    except Refused:  # a cookie of a key that was revoked since: the console then asks for another
        caller = None
    scope, name = (caller.scope, caller.name) if caller else (None, None)
    return SessionOut(keys_required=here.guard.required, scope=scope, scopes=allowed(scope), name=name)


@router.post("", responses=responses())
async def open_session(given: KeyIn, request: Request, response: Response, here: Here) -> SessionOut:
    """Exchange a key for a cookie."""
    key = await here.guard.key(given.key)
    secure, path = request.url.scheme == "https", cookie_path(request.scope)
    response.set_cookie(COOKIE, given.key, max_age=DAYS_30, httponly=True, samesite="strict", secure=secure, path=path)
    scopes = allowed(key.scope)
    return SessionOut(keys_required=here.guard.required, scope=key.scope, scopes=scopes, name=key.name)


@router.delete("", responses=responses(), status_code=204)
async def close_session(request: Request, response: Response) -> None:
    """Delete the cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", path=cookie_path(request.scope))
