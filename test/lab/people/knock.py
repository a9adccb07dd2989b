#!/usr/bin/env python3
"""Knocks at many doors at once, once at each, and says what they answered.

usage: knock.py SECONDS PROBE...
A PROBE is JSON: {"protocol": "tcp"|"udp"|"ping", "address": ADDRESS, "port": PORT, "payload": TEXT,
"from": {"address": ADDRESS, "port": PORT}}. Root may knock from an address that is not this machine's.
Prints a JSON list with one answer for each probe: the first line or the datagram that came back (Latin-1, without
its line end), "(closed)", an error like "(ECONNREFUSED)", and null where nothing came within SECONDS.
"""

import concurrent.futures
import errno
import json
import socket
import subprocess
import sys

IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75


def open_socket(probe, seconds):
    family = socket.AF_INET6 if ":" in probe["address"] else socket.AF_INET
    kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[probe["protocol"]]
    sock = socket.socket(family, kind)
    sock.settimeout(seconds)
    origin = probe.get("from")
    if origin:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        else:
            sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((origin.get("address", ""), origin.get("port", 0)))
    return sock


def ask(probe, seconds):
    payload = probe.get("payload", "hello").encode("latin-1")
    with open_socket(probe, seconds) as sock:
        try:
            sock.connect((probe["address"], probe["port"]))
            if probe["protocol"] == "udp":
                sock.send(payload)
                return sock.recv(65535).decode("latin-1")
            sock.sendall(payload + b"\n")
            line = sock.makefile("rb").readline()
            return line.decode("latin-1").rstrip("\r\n") or "(closed)"
        except TimeoutError:
            return None
        except OSError as error:
            return f"({errno.errorcode.get(error.errno, error)})"


def ping(probe, seconds):
    command = ["ping", "-c", "1", "-W", str(seconds), probe["address"]]
    return "pong" if subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0 else None


def main(seconds, *probes):
    def answer(text):
        probe = json.loads(text)
        return (ping if probe["protocol"] == "ping" else ask)(probe, float(seconds))

    with concurrent.futures.ThreadPoolExecutor(max(len(probes), 1)) as pool:
        print(json.dumps(list(pool.map(answer, probes))))


main(*sys.argv[1:])
