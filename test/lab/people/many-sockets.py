#!/usr/bin/env python3
"""Opens many UDP sockets at once, lets the kernel choose each one's port, and asks a server something over each.

usage: many-sockets.py ADDRESS PORT COUNT
Prints JSON: the ports that the kernel chose, and those whose question was never answered in three tries.
"""

import json
import resource
import socket
import sys


def ask(sock):
    for _ in range(3):
        sock.send(b"hello")
        try:
            sock.recv(65535)
            return True
        except OSError:
            pass
    return False


def main(address, port, count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(count) + 100, int(count) + 100))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sockets = []
    for _ in range(int(count)):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.connect((address, int(port)))
        sock.settimeout(0.5)
        sockets.append(sock)
    unanswered = [sock.getsockname()[1] for sock in sockets if not ask(sock)]
    print(json.dumps({"ports": [sock.getsockname()[1] for sock in sockets], "unanswered": unanswered}))


main(*sys.argv[1:])
