"""Leeward inside an application that serves a model itself; run it with `uvicorn asgi_app:app`.

The application here answers every chat with the same sentence. Put your model where `complete` is: requests arrive
inspected and sanitised, and what it returns is inspected before it leaves.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from leeward import LeewardMiddleware


async def complete(request: Request) -> JSONResponse:
    """Answer a chat, in OpenAI's shape."""
    asked = await request.json()
    text = f"You said: {asked['messages'][-1]['content']}"
    message = {"role": "assistant", "content": text}
    return JSONResponse(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": asked["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    )


async def hello(_request: Request) -> JSONResponse:
    """A page of the application itself; the middleware leaves it alone."""
    return JSONResponse({"hello": "world"})


app = Starlette(
    routes=[Route("/v1/chat/completions", complete, methods=["POST"]), Route("/hello", hello)],
    middleware=[Middleware(LeewardMiddleware)],  # LeewardMiddleware takes config="leeward.toml"
)
