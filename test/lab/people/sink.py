#!/usr/bin/env python3
"""Receives datagrams, and adds one byte to a file for each: what stands there outlives a power cut.

usage: sink.py PORT FILE
"""

import os
import socket
import sys


def main(port, path):
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", int(port)))
        while True:
            sock.recv(65535)
            os.write(log, b".")


main(*sys.argv[1:])
