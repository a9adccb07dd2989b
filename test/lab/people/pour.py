#!/usr/bin/env python3
"""Sends a datagram every 100 ms to where nobody should receive one, until its stdin ends or ten minutes are over.

usage: pour.py ADDRESS PORT
Says "begun" with the first; its last line is how many it could send.
"""

import select
import socket
import sys
import time


def main(address, port):
    sent = 0
    end = time.monotonic() + 600
    while time.monotonic() < end:
        # A new socket each time: who goes on with an old flow may pass where a new one may not.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.sendto(b"knock", (address, int(port)))
                sent += 1
            except OSError:
                pass
        if sent == 1:
            print("begun", flush=True)
        if select.select([sys.stdin], [], [], 0.1)[0]:
            break
    print(sent)


main(*sys.argv[1:])
