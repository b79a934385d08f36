"""Where versions come from: a real folder, a real HTTP server."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flinktf import models


def test_a_folder_of_numbered_versions(saved, tmp_path):
    source = models.VersionedDirectory(tmp_path / "wine")
    with pytest.raises(models.SourceError, match="cannot be read"):
        source.poll()
    for number in (2, 10):
        shutil.copytree(saved, tmp_path / "wine" / str(number))
    half = shutil.copytree(saved, tmp_path / "wine" / "11") / "variables" / "variables.index"
    half.unlink()
    (tmp_path / "wine" / ".partial-12").mkdir()
    (tmp_path / "wine" / "12").mkdir()
    assert [str(version) for version in source.poll()] == ["version 10", "version 2"]
    half.touch()
    assert [version.name for version in source.poll()] == ["11", "10", "2"]
    source.pinned = 2
    assert source.poll() == [models.Version("2", str(tmp_path / "wine" / "2"))]


class Server(ThreadingHTTPServer):
    """Answers with ``body`` and ``status``, and 304 to who knows ``etag``."""

    def __init__(self):
        self.body, self.status, self.etag = b"{}", 200, None
        self.statuses = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        known = self.server.etag is not None and self.headers.get("If-None-Match") == self.server.etag
        status = 304 if known else self.server.status
        self.server.statuses.append(status)
        self.send_response(status)
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        body = b"" if known else self.server.body
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_address_that_is_asked(server):
    source = models.HttpEndpoint(f"http://127.0.0.1:{server.server_port}/model", folder="/data")
    server.body = json.dumps({"version": 7, "path": "/m/7"}).encode()
    assert source.poll() == [models.Version("7", "/m/7")]
    server.etag = '"one"'
    assert source.poll() == source.poll() == [models.Version("7", "/m/7")]
    server.body, server.etag = json.dumps({"version": "8", "path": "m/8"}).encode(), '"two"'
    assert source.poll() == source.poll() == [models.Version("8", "/data/m/8")]
    assert server.statuses == [200, 200, 304, 200, 304]


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (500, b"", "answered 500"),
        (200, b"hello", "did not say which version"),
        (200, b'{"version": "7"}', "the answer is no"),
        (200, b'{"path": "/m"}', "has no version"),
        (200, b"[]", "the answer is no"),
    ],
)
def test_answers_that_are_none(status, body, text, server):
    server.status, server.body = status, body
    with pytest.raises(models.SourceError, match=text):
        models.HttpEndpoint(f"http://127.0.0.1:{server.server_port}/").poll()


def test_an_address_where_nobody_is(server):
    port = server.server_port
    server.server_close()
    with pytest.raises(models.SourceError, match="did not say which version"):
        models.HttpEndpoint(f"http://127.0.0.1:{port}/", timeout=0.5).poll()
    with pytest.raises(ValueError, match="no http"):
        models.HttpEndpoint("file:///etc/passwd")


def test_announcements():
    source = models.Announcements()
    assert source.poll() == []
    source.announce(7, "/m/7")
    source.wait(60.0)  # it has been woken
    source.announce("6", "/m/6")
    assert source.poll() == [models.Version("6", "/m/6")]
