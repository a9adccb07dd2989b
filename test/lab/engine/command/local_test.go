package main

import (
	"context"
	"strings"
	"testing"
)

func TestRunsInItsFolderWithItsInterpreterStdinAndEnvironment(t *testing.T) {
	dir := t.TempDir()
	in := &LocalInputs{
		Inputs:      Inputs{Stdin: ref("typed"), Environment: map[string]string{"GREETING": "hello"}},
		Dir:         &dir,
		Interpreter: []string{"/bin/bash", "-c"},
	}
	outputs, err := in.run(context.Background(),
		`[[ -n $BASH ]] && pwd -P && cat && echo " $GREETING $PULUMI_COMMAND_STDOUT" && echo aside >&2`,
		Outputs{Stdout: "before"})
	must(t, err)
	equal(t, outputs, Outputs{Stdout: dir + "\ntyped hello before", Stderr: "aside"})
}

func TestLocalFailureNamesCommandAndOutput(t *testing.T) {
	_, err := new(LocalInputs).run(context.Background(), `echo broken >&2; exit 1`, Outputs{})
	equal(t, err.Error(), "exit status 1: running \"echo broken >&2; exit 1\":\nbroken\n")
}

func TestShowsTheLinesOfTheChosenStreams(t *testing.T) {
	for mode, want := range map[string]string{logBoth: "out err", logStdout: "out", logStderr: "err", logNone: ""} {
		var shown []string
		output := newCapture(mode, func(line string) { shown = append(shown, line) })
		_, _ = output.stdoutWriter().Write([]byte("o"))
		_, _ = output.stdoutWriter().Write([]byte("ut\r\n"))
		_, _ = output.stderrWriter().Write([]byte("err"))
		outputs, err := output.end("x", nil)
		must(t, err)
		equal(t, strings.Join(shown, " "), want)
		equal(t, outputs, Outputs{Stdout: "out\r", Stderr: "err"})
	}
}

func TestRefusesALineThatWouldHangTheOfficialPlugin(t *testing.T) {
	long := `head -c 70000 /dev/zero | tr '\0' x`
	_, err := new(LocalInputs).run(context.Background(), long, Outputs{})
	if err == nil || !strings.Contains(err.Error(), "logging to none") {
		t.Fatal(err)
	}
	in := &LocalInputs{Inputs: Inputs{Logging: ref(logNone)}}
	outputs, err := in.run(context.Background(), long, Outputs{})
	must(t, err)
	equal(t, len(outputs.Stdout), 70000)
}

func TestUpdateRunsUpdateOrElseCreate(t *testing.T) {
	equal(t, *(&Inputs{Create: ref("make"), Update: ref("change")}).onUpdate(), "change")
	equal(t, *(&Inputs{Create: ref("make")}).onUpdate(), "make")
}

func TestRefusesALoggingModeThatDoesNotExist(t *testing.T) {
	equal(t, len((&Inputs{Logging: ref("all")}).complete()), 1)
	equal(t, len((&Inputs{Logging: ref(logNone)}).complete()), 0)
}
