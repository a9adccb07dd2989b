package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	provider "github.com/pulumi/pulumi-go-provider"
)

// status shows a line in the resource's row while it is worked on.
func status(ctx context.Context) func(string) {
	return provider.GetLogger(ctx).InfoStatus
}

// capture keeps what a command prints on its two streams and shows the chosen ones line by line. The streams are two
// pipes, so their order is only roughly kept.
type capture struct {
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	both           bytes.Buffer
	shown          lines
	mode           string
}

func newCapture(mode string, show func(string)) *capture {
	return &capture{mode: mode, shown: lines{show: show}}
}

func (c *capture) stdoutWriter() io.Writer {
	return &stream{c, &c.stdout, c.mode == logStdout || c.mode == logBoth}
}

func (c *capture) stderrWriter() io.Writer {
	return &stream{c, &c.stderr, c.mode == logStderr || c.mode == logBoth}
}

// end closes the capture of a command that ended with err, and says what it printed.
func (c *capture) end(command string, err error) (Outputs, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown.flush()
	if err != nil {
		return Outputs{}, fmt.Errorf("%w: running %q:\n%s", err, command, c.both.String())
	}
	if c.shown.tooLong {
		return Outputs{}, fmt.Errorf(
			"running %q: a line longer than %d bytes with logging on: the official plugin would hang for ever here; "+
				"set logging to none", command, bufio.MaxScanTokenSize)
	}
	return Outputs{
		Stdout: strings.TrimSuffix(c.stdout.String(), "\n"),
		Stderr: strings.TrimSuffix(c.stderr.String(), "\n"),
	}, nil
}

type stream struct {
	capture *capture
	own     *bytes.Buffer
	show    bool
}

func (s *stream) Write(text []byte) (int, error) {
	s.capture.mu.Lock()
	defer s.capture.mu.Unlock()
	s.own.Write(text)
	s.capture.both.Write(text)
	if s.show {
		s.capture.shown.write(text)
	}
	return len(text), nil
}

// lines cuts text into lines, as bufio.ScanLines does.
type lines struct {
	show    func(string)
	pending []byte
	tooLong bool
}

func (l *lines) write(text []byte) {
	l.pending = append(l.pending, text...)
	for {
		line, rest, found := bytes.Cut(l.pending, []byte("\n"))
		if len(line) >= bufio.MaxScanTokenSize {
			l.tooLong = true
		}
		if !found {
			return
		}
		l.show(strings.TrimSuffix(string(line), "\r"))
		l.pending = rest
	}
}

func (l *lines) flush() {
	if len(l.pending) > 0 {
		l.show(strings.TrimSuffix(string(l.pending), "\r"))
		l.pending = nil
	}
}
