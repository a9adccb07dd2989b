#!/usr/bin/env python3
"""Sends a datagram every millisecond, until its stdin ends or ten minutes are over.

usage: flood.py ADDRESS PORT
Says "begun" at the first one. Its last line is JSON: how many were sent.
"""

import json
import select
import socket
import sys
import time

address, port = sys.argv[1], int(sys.argv[2])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + 600
sent = 0
print("begun", flush=True)
while time.monotonic() < end:
    try:
        sender.sendto(b"past the guard?", (address, port))
        sent += 1
    except OSError:
        # No way while the tunnel is away.
        pass
    if select.select([sys.stdin], [], [], 0.001)[0] and sys.stdin.read(1) == "":
        break
print(json.dumps({"sent": sent}))
