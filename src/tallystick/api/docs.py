"""The API's description and its rendering: everything from package data, nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as WebRoute

from tallystick.api.errors import message_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

_ASSETS: Final = files("tallystick.api") / "assets"
_TYPES: Final = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
_SERVED: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "start.js")


def docs_routes(describe: Callable[[], bytes]) -> list[WebRoute]:
    """The routes of `/docs` and `/openapi.json`, given who describes the API."""

    async def openapi(_request: Request) -> Response:
        return Response(describe(), media_type="application/json")

    async def page(_request: Request) -> Response:
        return _asset("index.html")

    async def home(_request: Request) -> Response:
        return RedirectResponse("docs")

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        return _asset(name) if name in _SERVED else message_response(404, f"/docs/{name}: no such file")

    return [
        WebRoute("/openapi.json", openapi, methods=["GET"]),
        WebRoute("/", home, methods=["GET"]),
        WebRoute("/docs", page, methods=["GET"]),
        WebRoute("/docs/{name}", asset, methods=["GET"]),
    ]


def _asset(name: str) -> Response:
    return Response((_ASSETS / name).read_bytes(), media_type=_TYPES[name.rpartition(".")[2]])
