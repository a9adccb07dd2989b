#!/usr/bin/env python3
"""Asks an echo every 100 ms over a new TCP connection, until its stdin ends or ten minutes are over.

usage: outage.py HOST PORT
HOST may be a name; it is looked up each time. Says "begun" at the first answer. Its last line is JSON: how many
questions were asked, how many got no answer within two seconds, for how many seconds at most no answer came, and
whether the last question was answered.
"""

import asyncio
import json
import sys
import time

interval = 0.1
patience = 2


async def ask(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"hello\n")
        return (await reader.readline()).endswith(b"hello\n")
    finally:
        writer.close()


async def answered(host, port):
    """When it was answered; None if it was not."""
    try:
        good = await asyncio.wait_for(ask(host, port), patience)
    except (OSError, TimeoutError):
        return None
    return time.monotonic() if good else None


async def main(host, port):
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.read(1) == "" and ended.set())
    loop.call_later(600, ended.set)
    questions = []
    begun = False
    while not ended.is_set():
        questions.append(asyncio.create_task(answered(host, int(port))))
        await asyncio.sleep(interval)
        if not begun and any(task.done() and task.result() for task in questions):
            begun = True
            print("begun", flush=True)
    results = [await task for task in questions]
    answers = sorted(time for time in results if time is not None)
    gaps = [later - earlier for earlier, later in zip(answers, answers[1:])]
    report = {
        "asked": len(results),
        "failed": len(results) - len(answers),
        "seconds": round(max(gaps, default=0), 1),
        "alive": results[-1] is not None,
    }
    print(json.dumps(report))


asyncio.run(main(*sys.argv[1:]))
