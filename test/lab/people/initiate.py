#!/usr/bin/env python3
"""Sends one handshake initiation of WireGuard, whose first message authentication code it adds.

usage: initiate.py ADDRESS PORT KEY MESSAGE, the last two in hexadecimal
"""

import hashlib
import socket
import sys


def main(address, port, key, message):
    body = bytes.fromhex(message)
    mac1 = hashlib.blake2s(body, key=bytes.fromhex(key), digest_size=16).digest()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        sock.connect((address, int(port)))
        sock.send(body + mac1 + bytes(16))
        # A response says that it was taken.
        if sock.recv(65535)[0] != 2:
            sys.exit("it was not answered by a handshake response")


main(*sys.argv[1:])
