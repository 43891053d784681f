"""Ways to a good reply: TLS, IPv6, path prefixes, headers, compressed bodies."""

from __future__ import annotations

import gzip
import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from leeward.errors import SettingsError, UpstreamError
from leeward.gateway.upstream.client import UpstreamClient
from leeward.gateway.upstream.limits import Limits
from leeward.gateway.upstream.router import Upstream
from patience import PATIENCE_SECONDS
from scripted_upstream import CHUNKED_HEAD, LAST_CHUNK, ScriptedUpstream, Seen, Wire, chunked, raw, reply

ON_BOTH_LOOPS = True


@asynccontextmanager
async def client_of(
    url: str, *, limits: Limits | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[UpstreamClient]:
    client = UpstreamClient(url, limits=limits, tls=tls)
    try:
        yield client
    finally:
        await client.aclose()


async def post(
    client: UpstreamClient, path: str = "/v1/x", *headers: tuple[bytes, bytes], body: bytes = b"{}"
) -> bytes:
    async with await client.request("POST", path, headers, body, deadline_seconds=PATIENCE_SECONDS) as response:
        return await response.read(10_000_000)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scripted upstream")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_tls_serves_many_requests_on_one_connection(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with (
        ScriptedUpstream(reply(200, b"secret"), tls=server_tls(certificate)) as server,
        client_of(server.url, tls=trusting) as client,
    ):
        assert [await post(client), await post(client)] == [b"secret", b"secret"]
        assert len(server.wires) == 1


async def test_an_upstream_trusts_the_certificates_it_is_told_to(certificate: Path) -> None:
    async with ScriptedUpstream(reply(200, b"secret"), tls=server_tls(certificate)) as server:
        client = Upstream(name="private", base_url=server.url, ca_file=str(certificate)).client()

        assert await post(client) == b"secret"
        await client.aclose()


async def test_closing_a_tls_stream_hangs_up_at_once(certificate: Path) -> None:
    async def endless(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        await wire.pour(chunked(b"x" * 9_000))

    trusting = ssl.create_default_context(cafile=str(certificate))
    async with (
        ScriptedUpstream(endless, tls=server_tls(certificate)) as server,
        client_of(server.url, tls=trusting) as client,
    ):
        response = await client.request("GET", "/", [], b"", deadline_seconds=PATIENCE_SECONDS)
        async for _ in response:
            break
        await response.aclose()
        await server.wires[0].gone.wait()

        assert client.pool.taken == 0


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    async with ScriptedUpstream(reply(200), tls=server_tls(certificate)) as server, client_of(server.url) as client:
        with pytest.raises(UpstreamError, match="certificate is not trusted") as caught:
            await post(client)

        assert (caught.value.kind, server.seen, client.pool.taken) == ("refused", [], 0)


async def test_a_certificate_for_another_name_is_refused(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with (
        ScriptedUpstream(reply(200), tls=server_tls(certificate)) as server,
        client_of(f"https://localhost:{server.port}", tls=trusting) as client,
    ):
        with pytest.raises(UpstreamError, match="certificate is not trusted"):
            await post(client)


async def test_a_plain_server_behind_https_is_not_waited_for_beyond_the_deadline() -> None:
    async with ScriptedUpstream(reply(200)) as server, client_of(f"https://127.0.0.1:{server.port}") as client:
        with pytest.raises(UpstreamError) as caught:
            await client.request("GET", "/", [], b"", deadline_seconds=0.05)

        assert (caught.value.kind, client.pool.taken) == ("timeout", 0)


async def test_tls_settings_for_a_plain_url_are_an_operator_error() -> None:
    with pytest.raises(SettingsError, match="plain upstream"):
        UpstreamClient("http://127.0.0.1", tls=ssl.create_default_context())


async def test_ipv6_is_reached_and_named_with_brackets() -> None:
    async with ScriptedUpstream(reply(200, b"six"), host="::1") as server, client_of(server.url) as client:
        assert await post(client) == b"six"
        assert server.seen[0].header("host") == f"[::1]:{server.port}"


@pytest.mark.parametrize(
    ("prefix", "target"),
    [
        ("", "/v1/x?y=1"),
        ("/", "/v1/x?y=1"),
        ("/v1", "/v1/x?y=1"),
        ("/team/v1/", "/team/v1/x?y=1"),
        ("/team", "/team/v1/x?y=1"),
    ],
)
async def test_the_base_path_comes_first_and_v1_is_not_doubled(prefix: str, target: str) -> None:
    async with ScriptedUpstream(reply(200)) as server, client_of(server.url + prefix) as client:
        await post(client, "/v1/x?y=1")

        assert server.seen[0].target == target


async def test_headers_about_the_connection_are_ours() -> None:
    callers = [
        (b"accept-encoding", b"gzip, br"),
        (b"connection", b"close"),
        (b"content-length", b"999"),
        (b"host", b"evil.invalid"),
        (b"transfer-encoding", b"chunked"),
        (b"expect", b"100-continue"),
        (b"x-request-id", b"caf\xc3\xa9 7"),
    ]
    async with ScriptedUpstream(reply(200)) as server, client_of(server.url) as client:
        await post(client, "/v1/x", *callers, body=b'{"a":1}')
        seen = server.seen[0]

        assert seen.body == b'{"a":1}'
        assert seen.head.split(b"\r\n")[1:] == [
            b"host: 127.0.0.1:%d" % server.port,
            b"accept-encoding: identity",
            b"x-request-id: caf\xc3\xa9 7",
            b"content-length: 7",
        ]


@pytest.mark.parametrize(
    ("headers", "path", "method"),
    [
        ([(b"a", b"b\r\nc: d")], "/x", "GET"),
        ([(b"a", b"b\nc: d")], "/x", "GET"),
        ([(b"a", b"b\x00")], "/x", "GET"),
        ([(b"a: b\r\nc", b"d")], "/x", "GET"),
        ([(b"", b"d")], "/x", "GET"),
        ([], "/x y", "GET"),
        ([], "/x\r\nhost: evil", "GET"),
        ([], "x", "GET"),
        ([], "/x", "GET / HTTP/1.1\r\n\r\nGET"),
        ([], "/x", "HEAD"),
    ],
)
async def test_nothing_can_be_smuggled_into_a_request(
    headers: list[tuple[bytes, bytes]], path: str, method: str
) -> None:
    async with ScriptedUpstream(reply(200)) as server, client_of(server.url) as client:
        with pytest.raises(ValueError, match=r"cannot be written|path|method"):
            await client.request(method, path, headers, b"", deadline_seconds=PATIENCE_SECONDS)

        assert server.wires == []


async def test_reply_headers_are_lower_case_and_without_the_connections_own() -> None:
    answer = reply(
        200, b"{}", ("Mistral-Correlation-Id", "7"), ("Keep-Alive", "timeout=5"), ("Connection", "keep-alive")
    )
    async with ScriptedUpstream(answer) as server, client_of(server.url) as client:
        response = await client.request("GET", "/v1/models", [], b"", deadline_seconds=PATIENCE_SECONDS)
        await response.aclose()

        assert response.headers == [(b"content-length", b"2"), (b"mistral-correlation-id", b"7")]
        assert server.seen[0].header("content-length") is None


@pytest.mark.parametrize("size", [0, 1, 300_000, 3_000_000])
async def test_a_body_of_any_size_arrives_whole(size: int) -> None:
    body = bytes(i % 251 for i in range(size))
    async with ScriptedUpstream(reply(200, body)) as server, client_of(server.url) as client:
        assert await post(client, body=body) == body
        assert server.seen[0].body == body
        assert client.pool.idle == 1


async def test_a_body_read_long_after_its_connection_moved_on_is_still_whole() -> None:
    async with (
        ScriptedUpstream(reply(200, b"first"), reply(200, b"second")) as server,
        client_of(server.url, limits=Limits(max_connections=1)) as client,
    ):
        first = await client.request("GET", "/", [], b"", deadline_seconds=PATIENCE_SECONDS)
        second = await client.request("GET", "/", [], b"", deadline_seconds=PATIENCE_SECONDS)

        assert (await first.read(10), await second.read(10)) == (b"first", b"second")


async def test_an_empty_204_keeps_the_connection() -> None:
    async with ScriptedUpstream(raw(b"HTTP/1.1 204 No Content\r\n\r\n")) as server, client_of(server.url) as client:
        assert [await post(client), await post(client)] == [b"", b""]
        assert len(server.wires) == 1


def raw_deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(data) + machine.flush()


TEXT = b"a compressed reply, repeated; " * 10_000


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("identity", TEXT),
    ],
    ids=["gzip", "two-members", "zlib", "raw-deflate", "identity"],
)
async def test_a_compressed_reply_is_read_although_unasked(coding: str, body: bytes) -> None:
    async with (
        ScriptedUpstream(reply(200, body, ("content-encoding", coding))) as server,
        client_of(server.url) as client,
    ):
        assert await post(client) == TEXT


async def test_a_compressed_stream_is_unfolded_as_it_comes() -> None:
    machine = zlib.compressobj(wbits=31)
    pieces = [machine.compress(b"one") + machine.flush(zlib.Z_SYNC_FLUSH), machine.compress(b"two") + machine.flush()]
    head = CHUNKED_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    async with ScriptedUpstream(raw(head + chunked(pieces[0]))) as server, client_of(server.url) as client:
        response = await client.request("GET", "/", [], b"", deadline_seconds=PATIENCE_SECONDS)
        got = []
        async for piece in response:
            got.append(piece)
            if len(got) == 1:
                server.wires[0].send(chunked(pieces[1]) + LAST_CHUNK)

        assert got == [b"one", b"two"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"no gzip", "garbage"), (gzip.compress(TEXT)[:-9], "cut"), (gzip.compress(bytes(50_000_000)), "garbage")],
    ids=["not-compressed", "cut-short", "a-bomb"],
)
async def test_a_bad_compressed_body_is_an_upstream_error(body: bytes, kind: str) -> None:
    async with (
        ScriptedUpstream(reply(200, body, ("content-encoding", "gzip"))) as server,
        client_of(server.url) as client,
    ):
        with pytest.raises(UpstreamError) as caught:
            await post(client)

        assert caught.value.kind == kind
