#!/usr/bin/env python3
"""Moves many bytes one way over TCP.

usage: bulk.py serve PORT
       bulk.py fetch|give ADDRESS PORT BYTES SECONDS
`serve` says "begun" when it is ready. `fetch` has the server send them, `give` sends them to it. The client ends with exit code 1 when no byte has moved for
SECONDS; else it prints the client address that the server saw.
"""

import socket
import socketserver
import sys


class Mover(socketserver.StreamRequestHandler):
    def handle(self):
        verb, size = self.rfile.readline().split()
        if verb == b"fetch":
            self.wfile.write(bytes(int(size)))
        else:
            self.rfile.read(int(size))
        self.wfile.write(self.client_address[0].removeprefix("::ffff:").encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def move(verb, address, port, size, seconds):
    try:
        with socket.create_connection((address, int(port)), float(seconds)) as sock:
            sock.sendall(f"{verb} {size}\n".encode())
            stream = sock.makefile("rb")
            if verb == "fetch":
                left = int(size)
                while left > 0 and (data := stream.read1(min(left, 65536))):
                    left -= len(data)
                if left > 0:
                    sys.exit(f"{left} bytes are missing")
            else:
                sock.sendall(bytes(int(size)))
            print(stream.readline().decode().strip())
    except OSError as error:
        sys.exit(f"it stalled: {error}")


def main(verb, *rest):
    if verb == "serve":
        server = Server(("::", int(rest[0])), Mover)
        print("begun", flush=True)
        server.serve_forever()
    else:
        move(verb, *rest)


main(*sys.argv[1:])
