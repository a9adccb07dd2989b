#!/usr/bin/env python3
"""One datagram, and what comes back within six seconds.

usage: call.py FROM-PORT ADDRESS PORT [SIZE]     sends SIZE letters, 5 by default
       call.py FROM-PORT listen 4|6              says "listening", and only listens
Prints `ADDRESS PORT TEXT` of the answer, its letters counted, or "no answer".
"""

import re
import socket
import sys

own_port, to, port = int(sys.argv[1]), sys.argv[2], sys.argv[3]
kind = socket.AF_INET6 if ":" in to or port == "6" else socket.AF_INET
one = socket.socket(kind, socket.SOCK_DGRAM)
one.bind(("", own_port))
one.settimeout(6)
if to == "listen":
    print("listening", flush=True)
else:
    one.sendto(b"x" * int(sys.argv[4] if len(sys.argv) > 4 else 5), (to, int(port)))
try:
    data, sender = one.recvfrom(9000)
    text = re.sub("x+$", lambda letters: str(len(letters.group())), data.decode())
    print(sender[0], sender[1], text)
except OSError:
    print("no answer")
