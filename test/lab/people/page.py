#!/usr/bin/env python3
"""A small web page that says which client address and which name it saw.

usage: page.py TITLE HTTP_PORT [HTTPS_PORT CERTIFICATE KEY]
"""

import html
import http.server
import socket
import socketserver
import ssl
import sys
import threading


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        client = self.client_address[0].removeprefix("::ffff:")
        asked = html.escape(self.headers.get("Host", "nobody"))
        body = (
            f"<!doctype html>\n<title>{self.server.title}</title>\n<h1>{self.server.title}</h1>\n"
            f"<p>You are {client}</p>\n<p>You asked for {asked}</p>\n"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, title, port, context=None):
        self.title = title
        self.context = context
        super().__init__(("::", port), Page)

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not HTTPServer's own, which asks the resolver for the machine's name and so waits for the network.
        socketserver.TCPServer.server_bind(self)

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread: a silent client must not stop the others.
        if not self.context:
            super().finish_request(request, client_address)
            return
        request.settimeout(10)
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        pass


def main(title, http_port, https_port=None, certificate=None, key=None):
    servers = [Server(title, int(http_port))]
    if https_port:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        servers.append(Server(title, int(https_port), context))
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


main(*sys.argv[1:])
