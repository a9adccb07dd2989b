#!/usr/bin/env python3
"""Keeps an echo busy, until its stdin ends or ten minutes are over: every 100 ms a new TCP connection, a line over one
TCP connection that stays open, and a datagram of one UDP flow that stays open.

usage: flows.py ADDRESS PORT
Says "begun" when all three were answered. Its last line is JSON: how many connections failed; how many lines and
datagrams were sent, how many answered, and whether the last ones were.
"""

import asyncio
import json
import sys

interval = 0.1
patience = 5
backoff = 20


class Flow:
    def __init__(self):
        self.sent = 0
        self.answered = set()

    def next(self):
        self.sent += 1
        return str(self.sent).encode()

    def heard(self, answer):
        self.answered.add(int(answer.split()[-1]))

    def report(self):
        return {
            "sent": self.sent,
            "answered": len(self.answered),
            "alive": self.sent in self.answered,
        }


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, flow):
        self.flow = flow

    def datagram_received(self, data, addr):
        self.flow.heard(data)

    def error_received(self, error):
        pass


async def new_connection(address, port):
    reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), patience)
    try:
        writer.write(b"hello\n")
        line = await asyncio.wait_for(reader.readline(), patience)
        return line.endswith(b"hello\n")
    finally:
        writer.close()


async def listen(reader, flow):
    while line := await reader.readline():
        flow.heard(line)


async def main(address, port):
    port = int(port)
    lines, datagrams = Flow(), Flow()
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), patience)
    listener = asyncio.create_task(listen(reader, lines))
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Datagrams(datagrams), remote_addr=(address, port)
    )
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.read(1) == "" and ended.set())
    loop.call_later(600, ended.set)

    connections = []
    begun = False
    while not ended.is_set():
        connections.append(asyncio.create_task(new_connection(address, port)))
        writer.write(lines.next() + b"\n")
        transport.sendto(datagrams.next())
        await asyncio.sleep(interval)
        if not begun and lines.answered and datagrams.answered and connections[0].done():
            begun = True
            print("begun", flush=True)

    results = await asyncio.gather(*connections, return_exceptions=True)
    # What was sent last needs a moment for its answer. After an outage TCP sends again only seconds later, and then a
    # connection that waits is not one that broke.
    await asyncio.sleep(1)
    waiting_until = loop.time() + backoff
    while lines.sent not in lines.answered and not listener.done() and loop.time() < waiting_until:
        await asyncio.sleep(interval)
    listener.cancel()
    failed = [str(result) or repr(result) for result in results if result is not True]
    report = {"connections": len(results), "failed": failed}
    print(json.dumps({**report, "lines": lines.report(), "datagrams": datagrams.report()}))


asyncio.run(main(*sys.argv[1:]))
