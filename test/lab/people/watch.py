#!/usr/bin/env python3
"""Watches an echo as strangers do: every 100 ms a new TCP connection to each of its addresses, a line over one TCP
connection that stays open, and a numbered datagram of one UDP flow; both flows to the first address.

usage: watch.py PORT ADDRESS...
Says "begun" when all were answered. Then each thing it saw is a line of JSON, its times in seconds of the monotonic
clock. On stdin: "quiet" (sends nothing for now), "go" (sends again); it ends with its stdin, or after ten minutes.
"""

import asyncio
import json
import sys
import time

interval = 0.1
# Before TCP sends a SYN again: each connection asks once.
patience = 1


def tell(kind, **rest):
    print(json.dumps({"kind": kind, **rest}), flush=True)


async def ask(address, port):
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(b"hello\n")
        return (await reader.readline()).endswith(b"hello\n")
    finally:
        writer.transport.abort()


async def connect(address, port):
    at = time.monotonic()
    try:
        good = await asyncio.wait_for(ask(address, port), patience)
    except (OSError, TimeoutError):
        good = False
    tell("connect", to=address, at=at, answered=time.monotonic() if good else None)
    return good


class Datagrams(asyncio.DatagramProtocol):
    def datagram_received(self, data, addr):
        tell("heard", flow="udp", number=int(data.split()[-1]), at=time.monotonic())

    def error_received(self, error):
        pass


async def listen(reader):
    try:
        while line := await reader.readline():
            tell("heard", flow="tcp", number=int(line.split()[-1]), at=time.monotonic())
    except OSError:
        pass
    tell("closed", at=time.monotonic())


async def orders(reader, going, ended):
    while line := await reader.readline():
        if line == b"quiet\n":
            going.clear()
        else:
            going.set()
    ended.set()


async def main(port, *addresses):
    port = int(port)
    loop = asyncio.get_running_loop()
    going, ended = asyncio.Event(), asyncio.Event()
    going.set()
    told = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin)
    tasks = {asyncio.create_task(orders(told, going, ended))}
    loop.call_later(600, ended.set)
    reader, writer = await asyncio.wait_for(asyncio.open_connection(addresses[0], port), 5)
    tasks.add(asyncio.create_task(listen(reader)))
    transport, _ = await loop.create_datagram_endpoint(Datagrams, remote_addr=(addresses[0], port))
    if not all(await asyncio.gather(*(connect(address, port) for address in addresses))):
        sys.exit("not every address answers")
    print("begun", flush=True)

    number = 0
    knocks = set()
    due = time.monotonic()
    while not ended.is_set():
        if not going.is_set():
            await asyncio.sleep(0.01)
            due = time.monotonic()
            continue
        for address in addresses:
            knock = asyncio.create_task(connect(address, port))
            knocks.add(knock)
            knock.add_done_callback(knocks.discard)
        number += 1
        text = str(number).encode()
        tell("sent", flow="tcp", number=number, at=time.monotonic())
        writer.write(text + b"\n")
        tell("sent", flow="udp", number=number, at=time.monotonic())
        transport.sendto(text)
        # By the clock, so that a busy machine asks as often as a quiet one.
        due += interval
        await asyncio.sleep(max(0, due - time.monotonic()))
    await asyncio.gather(*knocks)
    for task in tasks:
        task.cancel()


asyncio.run(main(*sys.argv[1:]))
