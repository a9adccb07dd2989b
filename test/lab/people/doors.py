#!/usr/bin/env python3
"""Knocks at some TCP ports of a machine, at all of them at once, every 200 ms until its stdin ends or twenty minutes
are over, and notes who lets it in: an SSH server names itself before it asks who is there.

usage: doors.py SOURCES ADDRESS PORT...
SOURCES are own addresses to call from, like 203.0.113.128-191; they take turns, since a server soon tires of a caller.
Says "begun" when a first knock was answered. Its last line is JSON: how many times it knocked; at which times (seconds
since the begin) nobody answered, with what was heard; how many answers each port gave; which ports answered last.
"""

import asyncio
import itertools
import json
import sys
import time

interval = 0.2
# A second SYN leaves after a second, a third after three.
patience = 4


async def knock(source, address, port):
    writer = None
    try:
        connecting = asyncio.open_connection(address, port, local_addr=(source, 0))
        reader, writer = await asyncio.wait_for(connecting, patience)
        line = await asyncio.wait_for(reader.readline(), patience)
        return "open" if line.startswith(b"SSH-2.0-") else "closed"
    except (TimeoutError, OSError) as error:
        return str(error) or type(error).__name__
    finally:
        if writer:
            writer.close()


async def main(sources, address, *ports):
    network, _, numbers = sources.rpartition(".")
    first, last = numbers.split("-")
    callers = itertools.cycle(f"{network}.{n}" for n in range(int(first), int(last) + 1))
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.read(1) == "" and ended.set())
    loop.call_later(1200, ended.set)
    began = time.monotonic()
    rounds = []

    async def one_round():
        since = round(time.monotonic() - began, 1)
        caller = next(callers)
        answers = await asyncio.gather(*(knock(caller, address, int(port)) for port in ports))
        if not any("open" in earlier for _, earlier in rounds) and "open" in answers:
            print("begun", flush=True)
        rounds.append((since, answers))

    tasks = []
    while not ended.is_set():
        tasks.append(asyncio.create_task(one_round()))
        await asyncio.sleep(interval)
    await asyncio.gather(*tasks)
    rounds.sort()
    report = {
        "knocks": len(rounds),
        "unanswered": [[since, *answers] for since, answers in rounds if "open" not in answers],
        "answered": {port: sum(it[i] == "open" for _, it in rounds) for i, port in enumerate(ports)},
        "last": [port for i, port in enumerate(ports) if rounds[-1][1][i] == "open"],
    }
    print(json.dumps(report))


asyncio.run(main(*sys.argv[1:]))
