#!/usr/bin/env python3
"""A UDP client that greets a server and listens to it until its stdin ends, or a minute is over.

usage: converse.py SOURCE_PORT ADDRESS PORT
Says "begun" at the server's first answer; its last line is a JSON list of all that came from the server's address.
"""

import json
import select
import socket
import sys


def main(source_port, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(("", int(source_port)))
        sock.connect((address, int(port)))
        sock.settimeout(5)
        sock.send(b"hello")
        heard = [sock.recv(65535).decode()]
        print("begun", flush=True)
        select.select([sys.stdin], [], [], 60)
        # What was on its way when the end was called still counts.
        sock.settimeout(0.5)
        try:
            while True:
                heard.append(sock.recv(65535).decode())
        except TimeoutError:
            print(json.dumps(heard))


main(*sys.argv[1:])
