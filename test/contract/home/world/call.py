#!/usr/bin/env python3
"""One datagram, once more after two seconds, since the first may have told how much fits, and what comes back then.

usage: call.py FROM-PORT ADDRESS PORT [SIZE [FROM]]     sends SIZE letters, 5 by default, from an address
       call.py FROM-PORT listen 4|6                     says "listening", and only listens
Prints `ADDRESS PORT TEXT` of the answer, its letters counted, or "no answer".
"""

import re
import socket
import sys

own_port, to, port = int(sys.argv[1]), sys.argv[2], sys.argv[3]
kind = socket.AF_INET6 if ":" in to or port == "6" else socket.AF_INET
one = socket.socket(kind, socket.SOCK_DGRAM)
one.bind((sys.argv[5] if len(sys.argv) > 5 else "", own_port))
one.settimeout(2)
letters = b"x" * int(sys.argv[4] if len(sys.argv) > 4 else 5)
if to == "listen":
    print("listening", flush=True)


def send():
    if to != "listen":
        one.sendto(letters, (to, int(port)))


for again in range(3):
    try:
        if again < 2:
            send()
        data, sender = one.recvfrom(9000)
        text = re.sub("x+$", lambda letters: str(len(letters.group())), data.decode())
        print(sender[0], sender[1], text)
        break
    except OSError:
        pass
else:
    print("no answer")
