#!/usr/bin/env python3
"""Answers each line or datagram with the client address that it saw and what it was sent.

usage: echo.py tcp:PORT|udp:PORT...
"""

import socket
import socketserver
import sys
import threading


def answer(client, payload):
    return client[0].removeprefix("::ffff:").encode() + b" " + payload


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(answer(self.client_address, line))


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        payload, sock = self.request
        sock.sendto(answer(self.client_address, payload), self.client_address)


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
    threads = []
    for service in services:
        protocol, port = service.split(":")
        server, handler = kinds[protocol]
        threads.append(threading.Thread(target=server(("::", int(port)), handler).serve_forever))
    for thread in threads:
        thread.start()


main(*sys.argv[1:])
