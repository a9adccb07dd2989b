"""
Sits at a terminal: starts a command in a real pseudo-terminal, and answers what it asks. stdin: JSON with `command`,
`steps` (pairs of what has to stand on the screen, and what is typed then; an empty text types nothing) and `seconds`.
stdout: JSON with the exit code, the screen as a person sees it at the end (all that scrolled away included), and all
bytes that ever came.
"""

import json
import os
import pty
import re
import select
import sys
import time

KEYS = {"<enter>": "\r", "<down>": "\x1b[B", "<up>": "\x1b[A", "<space>": " ", "<ctrl-c>": "\x03"}

# What moves or colours, what sets a title or asks for a colour, and the rest.
SEQUENCE = re.compile(r"\x1b(?:\[([<-?\d;:]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()#].|[0-Z^_=>c78])")
# What a program asks of a terminal, and how one answers: which colour lies behind the text, and where the cursor is. A
# program that asks both asks and reads them in this order.
QUESTIONS = {"\x1b]11;?": "\x1b]11;rgb:0000/0000/0000\x1b\\", "\x1b[6n": "\x1b[1;1R"}


class Screen:
    """As much of a terminal as the prompts use: it never scrolls, and no line is ever broken."""

    def __init__(self):
        self.lines, self.row, self.column, self.rest = [[]], 0, 0, ""

    def feed(self, text):
        text = self.rest + text
        self.rest = ""
        place = 0
        while place < len(text):
            if text[place] == "\x1b":
                found = SEQUENCE.match(text, place)
                if not found:
                    self.rest = text[place:]
                    return
                if found.group(2):
                    self.obey(found.group(2), found.group(1))
                place = found.end()
                continue
            self.put(text[place])
            place += 1

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            self.column = 0
            while len(self.lines) <= self.row:
                self.lines.append([])
        elif character >= " ":
            line = self.lines[self.row]
            line.extend(" " * (self.column + 1 - len(line)))
            line[self.column] = character
            self.column += 1

    def obey(self, command, text):
        number = int(text) if text.isdigit() else 1
        if command == "A":
            self.row = max(0, self.row - number)
        elif command == "B":
            self.row = min(len(self.lines) - 1, self.row + number)
        elif command == "C":
            self.column += number
        elif command == "D":
            self.column = max(0, self.column - number)
        elif command == "G":
            self.column = max(0, number - 1)
        elif command == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        elif command == "K":
            line = self.lines[self.row]
            self.lines[self.row] = [] if text == "2" else line[: self.column]

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines).rstrip() + "\n"


def type_keys(text):
    return re.sub(r"<[a-z-]+>", lambda found: KEYS[found.group()], text)


def main():
    task = json.load(sys.stdin)
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(task["command"][0], task["command"])
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 240, 0, 0))
    screen, raw = Screen(), ""
    steps, end = list(task["steps"]), time.monotonic() + task["seconds"]
    seen = 0
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                got = os.read(terminal, 65536)
            except OSError:
                break
            if not got:
                break
            got = got.decode(errors="replace")
            raw += got
            screen.feed(got)
            for question, answer in QUESTIONS.items():
                if question in got:
                    os.write(terminal, answer.encode())
            continue
        # Only a prompt that is drawn and waits is answered.
        if steps and steps[0][0] in raw[seen:]:
            seen = len(raw)
            for key in re.findall(r"<[a-z-]+>|[^<]+", steps.pop(0)[1]):
                os.write(terminal, type_keys(key).encode())
                time.sleep(0.1)
    else:
        os.kill(child, 9)
    _, status = os.waitpid(child, 0)
    json.dump(
        {
            "code": os.waitstatus_to_exitcode(status),
            "screen": screen.text(),
            "raw": raw,
            "unasked": [step[0] for step in steps],
        },
        sys.stdout,
    )


main()
