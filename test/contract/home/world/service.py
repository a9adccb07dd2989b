#!/usr/bin/env python3
"""A UDP service that tells each caller which address it sees, and a web page on another port that does the same.

usage: service.py wildcard|explicit|tied 4|6 UDP-PORT TCP-PORT
wildcard: bound to no address. explicit: answers from the very address that was asked (IP_PKTINFO). tied: bound to no
address, and answers each caller by a socket of its own, which is tied to the caller
and counts. Each line on stdin,
`ADDRESS PORT`, makes it send "spoken" there first; with `errors` behind it, it says from then on what errors come back
(IP_RECVERR). Says "ready".
"""

import errno
import http.server
import itertools
import socket
import struct
import sys
import threading

mode, family, udp_port, tcp_port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
six = family == "6"
kind = socket.AF_INET6 if six else socket.AF_INET


def udp_socket():
    one = socket.socket(kind, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(("", udp_port))
    return one


def answer(data, caller):
    return f"{caller[0]} {caller[1]} ".encode() + data


def tie(data, caller):
    own = udp_socket()
    own.connect(caller[:2])
    for count in itertools.count(1):
        own.send(f"tied {count} ".encode() + answer(data, caller))
        data = own.recv(9000)


def serve():
    if mode == "explicit":
        option = (socket.IPPROTO_IPV6, 49) if six else (socket.IPPROTO_IP, 8)
        service.setsockopt(*option, 1)
    while True:
        try:
            data, control, _, caller = service.recvmsg(9000, 256)
        except OSError as error:
            print(errno.errorcode[error.errno], flush=True)
            continue
        if mode == "tied":
            threading.Thread(target=tie, args=(data, caller), daemon=True).start()
        elif mode == "explicit":
            level, _, info = control[0]
            if six:
                info = info[:16] + struct.pack("i", 0)
            else:
                info = struct.pack("i", 0) + info[8:12] + info[8:12]
            # IPV6_PKTINFO is 50, IP_PKTINFO 8.
            service.sendmsg([answer(data, caller)], [(level, 50 if six else 8, info)], 0, caller)
        else:
            service.sendto(answer(data, caller), caller)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = self.client_address[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Web(http.server.ThreadingHTTPServer):
    address_family = kind


service = udp_socket()
threading.Thread(target=serve, daemon=True).start()
threading.Thread(target=Web(("", tcp_port), Page).serve_forever, daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    to, port, *errors = line.split()
    if errors:
        service.setsockopt(*((socket.IPPROTO_IPV6, 25) if six else (socket.IPPROTO_IP, 11)), 1)
    service.sendto(b"spoken", (to, int(port)))
