#!/usr/bin/env python3
"""Fills the connection tracker of this network with open connections that nobody has, keeps it full until its stdin ends
or a minute is over, and takes them away again.

usage: fill.py
Says "begun" when it is full.
"""

import itertools
import select
import subprocess
import sys
import time

target = "10.0.0.1"


def load(numbers):
    lines = (
        f"-I -p tcp -s 10.{64 + (n >> 16)}.{n >> 8 & 255}.{n & 255} -d {target} --sport 1000 --dport 80"
        " --state ESTABLISHED -u ASSURED,SEEN_REPLY -t 600\n"
        for n in numbers
    )
    # It ends at the first that finds no room.
    subprocess.run(["conntrack", "--load-file", "-"], input="".join(lines).encode(), capture_output=True)


def main():
    most = int(open("/proc/sys/net/netfilter/nf_conntrack_max").read())
    load(range(most))
    more = itertools.count(most)
    print("begun", flush=True)
    end = time.monotonic() + 60
    # What ends meanwhile leaves room for one more.
    while time.monotonic() < end and not select.select([sys.stdin], [], [], 0.1)[0]:
        load(itertools.islice(more, 50))
    subprocess.run(["conntrack", "--delete", "--orig-dst", target], capture_output=True)


main()
