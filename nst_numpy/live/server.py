"""The server: this machine only, one secret address, and nothing that another site could ask.

Every address begins with a random token. A request must name this machine as its host, so that no
name of somebody else's leads here, and where it says which page it comes from, it must be this one.
"""

import io
import json
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nst_numpy.errors import NstError, OutputError, SettingError
from nst_numpy.live.page import page, policy
from nst_numpy.live.studio import BUSY, MOST_BYTES, ROLES, Studio
from nst_numpy.pictures.colours import srgb_profile
from nst_numpy.pictures.embedding import jpeg, shrink

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HERE = "127.0.0.1"
HOSTS = (HERE, "localhost")
MOST_JSON = 1 << 16
LONGEST = 1024  # side of a picture on the page
AT_ONCE = 0.7  # seconds that a question waits for its answer
TRIES = 20  # ports that are tried, from the one that was asked for
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ASGI = Callable[..., Awaitable[None]]


def make_app(studio: Studio, token: str) -> "Starlette":
    """Make the Starlette application.

    Parameters
    ----------
    studio : Studio
    token : str
        What every address begins with.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Mount, Route

    routes = _Routes(studio)
    get, post = ["GET"], ["POST"]
    inside = [
        Route("/", routes.page, methods=get),
        Route("/state", routes.state, methods=get),
        Route("/picture/{which}", routes.picture, methods=get),
        Route("/save", routes.save, methods=get),
        Route("/job/{number:int}", routes.job, methods=get),
        Route("/choose", routes.choose, methods=post),
        Route("/drop/{role}", routes.drop, methods=post),
        Route("/start", routes.start, methods=post),
        Route("/do", routes.do, methods=post),
        Route("/ask", routes.ask, methods=post),
        Route("/cancel/{number:int}", routes.cancel, methods=post),
    ]
    return Starlette(
        routes=[Mount(f"/{token}", routes=inside)],
        middleware=[Middleware(_Guard, token=token)],
        exception_handlers={NstError: _told},
    )


class _Guard:
    """Refuses what does not come from the page; adds the headers of `HEADERS`."""

    def __init__(self, app: ASGI, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.responses import PlainTextResponse

        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refused = None
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): v.decode("latin-1") for name, v in scope["headers"]}
        if not is_here(headers.get("host", "")):
            refused = PlainTextResponse("this server answers to 127.0.0.1 only", 400)
        elif not self._has_token(scope["path"]):
            refused = PlainTextResponse("the address lacks its token: copy all of it", 403)
        elif not comes_from_here(headers):
            refused = PlainTextResponse("another page may not ask here", 403)

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = HEADERS | {"Content-Security-Policy": policy()}
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in more.items()),
                ]
            await send(message)

        await (refused or self.app)(scope, receive, send_with_headers)

    def _has_token(self, path: str) -> bool:
        given = path.split("/")[1] if path.startswith("/") else ""
        return secrets.compare_digest(given.encode(), self.token.encode())


def is_here(host: str) -> bool:
    """Whether a Host names this machine, on whatever port: a tunnel may have another.

    >>> is_here("127.0.0.1:8000"), is_here("evil.example:8000"), is_here("127.0.0.1.evil.example")
    (True, False, False)
    """
    name, colon, port = host.rpartition(":")
    return (name if colon else port) in HOSTS and (not colon or port.isdecimal())


def comes_from_here(headers: Mapping[str, str]) -> bool:
    """Whether a request says that it is this page's, or says nothing, as programs do.

    >>> comes_from_here({"host": "127.0.0.1:80", "origin": "http://127.0.0.1:80"})
    True
    >>> comes_from_here({"host": "127.0.0.1:80", "origin": "http://evil.example"})
    False
    """
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{headers.get('host', '')}":
        return False
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


class _Routes:
    """What each address does; long work is done on other threads."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    async def page(self, request: "Request") -> "Response":
        from starlette.responses import HTMLResponse

        return HTMLResponse(page())

    async def state(self, request: "Request") -> "Response":
        return _json(self.studio.state(_whole(request.query_params.get("since", "0"))))

    async def picture(self, request: "Request") -> "Response":
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        which = request.path_params["which"]
        data = await run_in_threadpool(
            lambda: jpeg(shrink(self.studio.picture(which), LONGEST), 92)
        )
        return Response(data, media_type="image/jpeg")

    async def save(self, request: "Request") -> "Response":
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        painting = self.studio.running()
        version = painting.version
        data = await run_in_threadpool(lambda: _png(painting.full_image))
        self.studio.saved = version
        name = f"painted-{len(painting.history)}.png"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type="image/png", headers=headers)

    async def choose(self, request: "Request") -> "Response":
        given = await _given(request)
        role = given.get("role")
        if role not in ROLES:
            raise SettingError("a picture is content or style")
        self.studio.choose(role, str(given.get("name")))
        return _json(self.studio.state())

    async def drop(self, request: "Request") -> "Response":
        from urllib.parse import unquote

        from starlette.concurrency import run_in_threadpool

        role = request.path_params["role"]
        if role not in ROLES:
            raise SettingError("a picture is content or style")
        data = await _body(request, MOST_BYTES, "the picture")
        name = unquote(request.headers.get("x-name", "")) or "picture"
        await run_in_threadpool(self.studio.take, role, name, data)
        return _json(self.studio.state())

    async def start(self, request: "Request") -> "Response":
        from starlette.concurrency import run_in_threadpool

        given = await _given(request)
        until = _until(given.pop("until", None))
        await run_in_threadpool(self.studio.start, given, until)
        return _json(self.studio.state())

    async def do(self, request: "Request") -> "Response":
        from starlette.concurrency import run_in_threadpool

        given, painting = await _given(request), self.studio.running()
        actions: dict[str, Callable[[], None]] = {
            "go": lambda: painting.go(_until(given.get("until"))),
            "pause": painting.pause, "step": painting.step, "stop": painting.stop,
            "strength": lambda: painting.set_strength(given.get("value")),
        }  # fmt: skip
        action = actions.get(str(given.get("action")))
        if action is None:
            raise SettingError(f"a run can {', '.join(actions)}, and nothing else")
        await run_in_threadpool(action)
        return _json(self.studio.state())

    async def ask(self, request: "Request") -> "Response":
        import anyio

        job = self.studio.ask(await _given(request))
        with anyio.move_on_after(AT_ONCE):
            while job.future is not None and not job.future.done():
                await anyio.sleep(0.01)
        return _json(job.as_dict())

    async def job(self, request: "Request") -> "Response":
        return _json(self.studio.job(request.path_params["number"]).as_dict())

    async def cancel(self, request: "Request") -> "Response":
        job = self.studio.job(request.path_params["number"])
        job.cancelled = True
        return _json({"job": job.number})


async def _body(request: "Request", most: int, what: str) -> bytes:
    """Read what was sent, but no more than allowed."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise SettingError(f"{what} has more than {most >> 10} kB: use a smaller one")
        parts.append(part)
    return b"".join(parts)


async def _given(request: "Request") -> dict[str, Any]:
    try:
        given = json.loads(await _body(request, MOST_JSON, "the request") or b"{}")
    except (ValueError, RecursionError) as error:
        raise SettingError("the request is no JSON") from error
    if not isinstance(given, dict):
        raise SettingError("the request must be a JSON object")
    return given


def _whole(value: Any) -> int:
    with suppress(ValueError, TypeError):
        if 0 <= int(value) <= 10**6:
            return int(value)
    raise SettingError("an iteration must be a whole number")


def _until(value: Any) -> int | None:
    return None if value is None else _whole(value)


def _json(data: Any) -> "Response":
    from starlette.responses import Response

    return Response(json.dumps(data, allow_nan=False), media_type="application/json")


async def _told(request: "Request", error: Exception) -> "Response":
    """Say what is wrong in one sentence: the page shows it."""
    from starlette.responses import JSONResponse

    return JSONResponse({"error": str(error)}, 409 if str(error) == BUSY else 400)


def _png(image: Any) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", icc_profile=srgb_profile())
    return buffer.getvalue()


def bind(port: int) -> socket.socket:
    """Take a port of this machine: the one that is asked for, else one of the next; 0 is any.

    Raises
    ------
    OutputError
        None of them is free.
    """
    tried = [port] if port == 0 else range(port, min(port + TRIES, 1 << 16))
    for each in tried:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            found.bind((HERE, each))
            found.listen()  # who comes before the server is ready waits
        except OSError:
            found.close()
            continue
        return found
    raise OutputError(f"the ports from {port} on are in use or not allowed: give another, or 0")


@contextmanager
def serving(app: "Starlette", where: socket.socket) -> Any:
    """Serve on a thread of its own while the block runs."""
    import uvicorn

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [where]}, name="nst-server", daemon=True
    )
    thread.start()
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(5)
        where.close()
