#!/usr/bin/env python3
"""A UDP service such as a telephone: it answers whoever asks, and calls whom it is told to, always from the same port.

usage: telephone.py CONTROL PORT[:asked]...
A PORT is open on 0.0.0.0 and on [::]. The kernel chooses the address that an answer comes from; with `:asked` it is the
very address that was asked (IP_PKTINFO). An answer is what the caller looked like: client address, client port, own
port, what was sent. What is itself such an answer, or begins with "tell", is answered by nobody.
At 127.0.0.1:CONTROL it takes orders over TCP, one a line, and answers each with a line:
    ask PORT ADDRESS PEER-PORT TEXT   what came back from exactly there within two seconds, or "(nothing)"
    tell PORT ADDRESS PEER-PORT TEXT  "(told)"
    heard PORT                        the last thing that began with "tell": address, port, text; or "(nothing)"
Says "begun" when it is ready.
"""

import queue
import re
import socket
import socketserver
import struct
import sys
import threading

IP_PKTINFO = 8
answer = re.compile(rb"\S+ \d+ \d+ ")


class Line:
    """One socket."""

    def __init__(self, family, port, asked):
        self.family, self.port, self.asked = family, port, asked
        self.waiting = {}
        self.told = "(nothing)"
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            self.sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.sock.bind(("", port))

    def serve(self):
        while True:
            try:
                payload, ancillary, _, client = self.sock.recvmsg(65535, 256)
                self.take(payload, ancillary, client[:2])
            except OSError:
                # An ICMP error for something sent earlier.
                pass

    def take(self, payload, ancillary, client):
        if client in self.waiting:
            self.waiting[client].put(payload)
        elif payload.startswith(b"tell "):
            self.told = f"{client[0]} {client[1]} {payload.decode()}"
        elif not answer.match(payload):
            text = f"{client[0]} {client[1]} {self.port} ".encode() + payload
            self.sock.sendmsg([text], self.source(ancillary) if self.asked else [], 0, client)

    def source(self, ancillary):
        (level, kind, data), *_ = ancillary
        if self.family == socket.AF_INET6:
            return [(level, kind, data[:16] + struct.pack("@i", 0))]
        # Which card it came by is left out, so that routing decides; its own address goes into the middle field.
        return [(level, kind, struct.pack("@i4s4s", 0, data[8:12], bytes(4)))]

    def ask(self, peer, text):
        self.waiting[peer] = answers = queue.SimpleQueue()
        try:
            self.sock.sendto(text.encode(), peer)
            return answers.get(timeout=2).decode()
        except queue.Empty:
            return "(nothing)"
        finally:
            del self.waiting[peer]

    def tell(self, peer, text):
        self.sock.sendto(f"tell {text}".encode(), peer)
        return "(told)"


class Orders(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            verb, port, *rest = line.decode().strip().split(" ", 4)
            try:
                self.wfile.write(obey(self.server.lines, verb, int(port), *rest).encode() + b"\n")
            except OSError as error:
                self.wfile.write(f"({error.strerror})\n".encode())


def obey(lines, verb, port, address=None, peer_port=None, text=None):
    if verb == "heard":
        told = [line.told for line in lines if line.port == port and line.told != "(nothing)"]
        for line in lines:
            line.told = "(nothing)"
        return ", ".join(told) or "(nothing)"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    [line] = [line for line in lines if (line.port, line.family) == (port, family)]
    return {"ask": line.ask, "tell": line.tell}[verb]((address, int(peer_port)), text)


class Control(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main(control, *services):
    lines = []
    for service in services:
        port, _, kind = service.partition(":")
        lines += [Line(family, int(port), kind == "asked") for family in (socket.AF_INET, socket.AF_INET6)]
    server = Control(("127.0.0.1", int(control)), Orders)
    server.lines = lines
    for line in lines:
        threading.Thread(target=line.serve, daemon=True).start()
    print("begun", flush=True)
    server.serve_forever()


main(*sys.argv[1:])
