#!/usr/bin/env python3
"""Answers each line or datagram with all that it saw of it: client address, client port, own port, what was sent.
The same, with the protocol before it, goes to stdout, after "begun" when it is ready.

usage: witness.py tcp:PORT[@ADDRESS]|udp:PORT[@ADDRESS]...    (without an address: bound to the wildcard)
"""

import socket
import socketserver
import sys
import threading


def testimony(protocol, client, server, payload):
    host, client_port = client[:2]
    seen = f"{host.removeprefix('::ffff:')} {client_port} {server.server_address[1]} ".encode() + payload
    print(protocol, ascii(seen.decode("latin-1")), flush=True)
    return seen


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(testimony("tcp", self.client_address, self.server, line))


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        payload, sock = self.request
        sock.sendto(testimony("udp", self.client_address, self.server, payload), self.client_address)


class DualStack:
    address_family = socket.AF_INET6
    allow_reuse_address = True
    request_queue_size = 1024

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request, client_address):
        pass


class TCP(DualStack, socketserver.ThreadingTCPServer):
    daemon_threads = True


class UDP(DualStack, socketserver.UDPServer):
    max_packet_size = 65535


def main(*services):
    kinds = {"tcp": (TCP, Lines), "udp": (UDP, Datagram)}
    servers = []
    for service in services:
        protocol, place = service.split(":", 1)
        port, _, address = place.partition("@")
        server, handler = kinds[protocol]
        bound = f"::ffff:{address}" if "." in address else address or "::"
        servers.append(server((bound, int(port)), handler))
    print("begun", flush=True)
    for server in servers:
        threading.Thread(target=server.serve_forever).start()


main(*sys.argv[1:])
