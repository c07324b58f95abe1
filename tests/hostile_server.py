"""A server of OpenAI's protocol that does what a question tells it, such as "[reset 2] Who?": twice, then it answers.

    python tests/hostile_server.py PORT LOG

Every request is a line of JSON in LOG. Questions without a word in brackets are answered by their own text, upper case,
completion i followed by " i".
"""

import json
import re
import socket
import struct
import sys
import threading
import time
from collections import Counter
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STALL_S = 30.0
counts: Counter[str] = Counter()
lock = threading.Lock()


def answer(text: str, body: dict[str, Any], n: int) -> dict[str, Any]:
    """An answer as OpenAI's servers give it."""
    words = [text, *map(str, range(n))]
    largest = [{"token": word, "logprob": -0.25 * (i + 1)} for i, word in enumerate(words)]
    content = [{"token": text, "logprob": -0.5, "top_logprobs": largest[: body.get("top_logprobs", 0)]}]
    choices = [
        {
            "index": i,
            "message": {"role": "assistant", "content": f"{text} {i}"},
            "finish_reason": "stop",
            **({"logprobs": {"content": content}} if body.get("logprobs") else {}),
        }
        for i in range(n)
    ]
    return {"object": "chat.completion", "model": body["model"], "choices": choices}


class Handler(BaseHTTPRequestHandler):
    """Does what the question says."""

    protocol_version = "HTTP/1.1"
    log_file: Path

    def log_message(self, *_: Any) -> None:
        """Say nothing on standard error."""

    def do_GET(self) -> None:
        """The list of models."""
        self.reply(200, json.dumps({"data": [{"id": "hostile"}]}).encode())

    def do_POST(self) -> None:
        """A chat; there is nothing else."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.path.endswith("/chat/completions"):
            self.reply(404, b"{}")
            return
        question = body["messages"][-1]["content"]
        trick, times = "", 0
        if match := re.search(r"\[([a-z0-9]+) (\d+)\]", question):
            trick, times = match[1], int(match[2])
        with lock:
            counts[question] += 1
            number = counts[question]
            with self.log_file.open("a") as file:
                told = {"time": time.time(), "key": self.headers.get("authorization"), "number": number, "body": body}
                file.write(json.dumps(told) + "\n")
        text = re.sub(r"\[.*?\] *", "", question).upper()
        if trick and number <= times:
            getattr(self, f"do_{trick}")(text, body)
            return
        self.reply(200, json.dumps(answer(text, body, body.get("n", 1))).encode())

    def reply(self, status: int, content: bytes, kind: str = "application/json", **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def do_reset(self, *_: Any) -> None:
        """Break the connection before any byte of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def do_half(self, text: str, body: dict[str, Any]) -> None:
        """Promise a whole answer and send half."""
        content = json.dumps(answer(text, body, 1)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        self.do_reset()

    def do_cut(self, text: str, body: dict[str, Any]) -> None:
        """Half of a JSON text, as if it were all."""
        content = json.dumps(answer(text, body, 1)).encode()
        self.reply(200, content[: len(content) // 2])

    def do_page(self, *_: Any) -> None:
        """A page, as gateways send it."""
        self.reply(200, b"<html>please come back later</html>", "text/html")

    def do_choiceless(self, text: str, body: dict[str, Any]) -> None:
        """An answer with no choices."""
        self.reply(200, json.dumps(answer(text, body, 0)).encode())

    def do_null(self, *_: Any) -> None:
        """JSON of another kind."""
        self.reply(200, b'{"choices": [null]}')

    def do_few(self, text: str, body: dict[str, Any]) -> None:
        """One choice, whatever was asked for."""
        self.reply(200, json.dumps(answer(text, body, 1)).encode())

    def do_stall(self, *_: Any) -> None:
        """Say nothing for long."""
        time.sleep(STALL_S)

    def do_drip(self, *_: Any) -> None:
        """A byte now and then, without an end."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "1000")
        self.end_headers()
        for _second in range(int(STALL_S * 4)):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.25)

    def do_busy(self, *_: Any) -> None:
        """Too many requests; come back in a second."""
        self.reply(429, b'{"error": {"message": "slow down"}}', retry_after="1")

    def do_later(self, *_: Any) -> None:
        """Not now; come back at a date."""
        self.reply(503, b"", retry_after=formatdate(time.time() + 2, usegmt=True))

    def do_broken(self, *_: Any) -> None:
        """An error that shows the key."""
        self.reply(500, json.dumps({"error": {"message": f"trace: {self.headers.get('authorization')}"}}).encode())

    def do_wrong(self, *_: Any) -> None:
        """Refuse this request for good."""
        self.reply(400, b'{"error": {"message": "maximum context length is 256 tokens"}}')

    def do_stranger(self, *_: Any) -> None:
        """Refuse the key."""
        self.reply(401, json.dumps({"error": {"message": f"bad key {self.headers.get('authorization')}"}}).encode())

    def do_slow(self, text: str, body: dict[str, Any]) -> None:
        """Take a while."""
        time.sleep(0.3)
        self.reply(200, json.dumps(answer(text, body, body.get("n", 1))).encode())


if __name__ == "__main__":
    Handler.log_file = Path(sys.argv[2])
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        server.serve_forever()
