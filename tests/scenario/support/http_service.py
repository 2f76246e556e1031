"""A tiny HTTP service that says whether a token is good, as Dovecot's oauth2 asks (RFC 7662)."""

import http.server
import json
import threading
import urllib.parse

from .ports import free_port


class TokenService:
    """`tokens` maps a token to the user it is for."""

    def __init__(self, tokens):
        self.port = free_port()
        self.asked = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self, form):
                token = urllib.parse.parse_qs(form).get("token", [""])[0]
                service.asked.append(token)
                user = tokens.get(token)
                answer = {"active": True, "username": user} if user else {"active": False}
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self._answer(urllib.parse.urlsplit(self.path).query)

            def do_POST(self):
                self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, *unused):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
