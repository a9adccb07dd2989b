#!/usr/bin/env python3
"""Counts the datagrams that reach a port of this machine, until its stdin ends or ten minutes are over.

usage: count-datagrams.py PORT
Says "begun" when it listens. Its last line is JSON: how many came.
"""

import asyncio
import json
import sys


class Counter(asyncio.DatagramProtocol):
    count = 0

    def datagram_received(self, data, address):
        self.count += 1


async def main(port):
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.read(1) == "" and ended.set())
    loop.call_later(600, ended.set)
    transport, counter = await loop.create_datagram_endpoint(Counter, local_addr=("0.0.0.0", port))
    print("begun", flush=True)
    await ended.wait()
    transport.close()
    print(json.dumps({"count": counter.count}))


asyncio.run(main(int(sys.argv[1])))
