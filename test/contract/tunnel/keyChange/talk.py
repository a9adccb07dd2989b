#!/usr/bin/env python3
"""Two ends that talk without a pause and count what is lost: numbered datagrams in both directions, each on its own; a
line and its echo over one TCP connection; and new TCP connections.

usage: talk.py listen ADDRESS          until it is killed
       talk.py call FROM ADDRESS       until its stdin ends; its last line is JSON: what was lost of what
"""

import asyncio
import json
import sys

# WireGuard keeps 128 packets of a peer until a handshake comes, which on a busy machine takes some tenths of a second.
datagram_pause = 0.01
line_pause = 0.05
connection_pause = 0.1
port = 5000


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, peer=None):
        self.peer = peer
        self.sent = 0
        self.received = set()
        self.talking = True

    def connection_made(self, transport):
        self.transport = transport
        asyncio.get_running_loop().create_task(self.talk())

    def datagram_received(self, data, address):
        self.peer = address
        self.received.add(int(data))

    def error_received(self, error):
        pass

    async def talk(self):
        while True:
            if self.talking and self.peer:
                self.transport.sendto(str(self.sent).encode(), self.peer)
                self.sent += 1
            await asyncio.sleep(datagram_pause)


async def listen(address):
    loop = asyncio.get_running_loop()
    _, datagrams = await loop.create_datagram_endpoint(Datagrams, local_addr=(address, port))

    async def serve(reader, writer):
        while line := await reader.readline():
            if line == b"stop\n":
                datagrams.talking = False
            if line == b"report\n":
                line = json.dumps({"sent": datagrams.sent, "received": len(datagrams.received)}).encode() + b"\n"
            writer.write(line)
        writer.close()

    await asyncio.start_server(serve, address, port)
    await asyncio.Event().wait()


async def connect(source, address):
    reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port, local_addr=(source, 0)), 5)
    try:
        writer.write(b"hello\n")
        return await asyncio.wait_for(reader.readline(), 5) == b"hello\n"
    finally:
        writer.close()


async def call(source, address):
    loop = asyncio.get_running_loop()
    _, datagrams = await loop.create_datagram_endpoint(
        lambda: Datagrams((address, port)), local_addr=(source, 0)
    )
    reader, writer = await asyncio.open_connection(address, port, local_addr=(source, 0))
    lines, echoes, connections = 0, 0, []
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.read(1) == "" and ended.set())

    async def hear():
        nonlocal echoes
        while await reader.readline():
            echoes += 1

    async def open_new():
        while not ended.is_set():
            connections.append(loop.create_task(connect(source, address)))
            await asyncio.sleep(connection_pause)

    hearing, opening = loop.create_task(hear()), loop.create_task(open_new())
    while not ended.is_set():
        writer.write(b"hello\n")
        lines += 1
        await asyncio.sleep(line_pause)
        if lines == 5:
            print("begun", flush=True)
    datagrams.talking = False
    results = await asyncio.gather(*connections, return_exceptions=True)
    await asyncio.sleep(1)
    hearing.cancel()
    await opening
    reader, writer = await asyncio.open_connection(address, port, local_addr=(source, 0))
    writer.write(b"stop\n")
    await reader.readline()
    await asyncio.sleep(1)
    writer.write(b"report\n")
    other = json.loads(await reader.readline())
    lost = {
        "datagrams to the home": datagrams.sent - other["received"],
        "datagrams from the home": other["sent"] - len(datagrams.received),
        "lines": lines - echoes,
        "connections": len([result for result in results if result is not True]),
    }
    print(json.dumps({"lost": lost, "sent": datagrams.sent + other["sent"], "opened": len(results)}))


asyncio.run({"listen": listen, "call": call}[sys.argv[1]](*sys.argv[2:]))
