package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

func ref[T any](value T) *T { return &value }

// remote is a command on the server, with a key and a pinned host key that are right.
func remote(t *testing.T, server *sshServer) *RemoteInputs {
	t.Setenv("SSH_AUTH_SOCK", "")
	return &RemoteInputs{Connection: &Connection{
		Host:           "127.0.0.1",
		Port:           ref(float64(server.port)),
		PrivateKey:     ref(server.clientKey),
		HostKey:        ref(server.hostKey),
		DialErrorLimit: ref(2),
		PerDialTimeout: ref(2),
	}}
}

func TestPassesStdinAndReturnsOutputWithoutItsLastNewline(t *testing.T) {
	in := remote(t, startServer(t))
	in.Stdin = ref("one\ntwo\n\n")
	outputs, err := in.run(context.Background(), "cat", Outputs{})
	must(t, err)
	equal(t, outputs, Outputs{Stdout: "one\ntwo\n"})
}

func TestReportsExitStatusCommandAndOutput(t *testing.T) {
	in := remote(t, startServer(t))
	_, err := in.run(context.Background(), "fail", Outputs{})
	equal(t, err.Error(), "Process exited with status 3: running \"fail\":\nno such rule\n")
}

func TestPassesAVariableThatTheServerAccepts(t *testing.T) {
	in := remote(t, startServer(t))
	in.Environment = map[string]string{acceptedVariable: "hello"}
	outputs, err := in.run(context.Background(), "greet", Outputs{})
	must(t, err)
	equal(t, outputs.Stdout, "hello")
}

func TestFailsOnAVariableThatTheServerRefuses(t *testing.T) {
	in := remote(t, startServer(t))
	in.Environment = map[string]string{"COLOUR": "green"}
	_, err := in.run(context.Background(), "greet", Outputs{})
	if err == nil || !strings.Contains(err.Error(), "refused the variable COLOUR") {
		t.Fatal(err)
	}
}

func TestOnlyWarnsWhenTheServerRefusesThePreviousOutput(t *testing.T) {
	client, err := remote(t, startServer(t)).Connection.dial(context.Background(), func(string) {})
	must(t, err)
	defer client.Close()
	session, err := client.NewSession()
	must(t, err)
	var warnings []string
	must(t, setEnvironment(session, nil, map[string]string{"PULUMI_COMMAND_STDOUT": "before"}, func(text string) {
		warnings = append(warnings, text)
	}))
	if len(warnings) != 1 || !strings.Contains(warnings[0], "refused the variable PULUMI_COMMAND_STDOUT") {
		t.Fatal(warnings)
	}
}

func TestPassesThePreviousOutputOnUnlessToldNotTo(t *testing.T) {
	last := Outputs{Stdout: "before"}
	equal(t, fmt.Sprint((&Inputs{}).previousOutput(last)), "map[PULUMI_COMMAND_STDOUT:before]")
	equal(t, fmt.Sprint((&Inputs{AddPreviousOutputInEnv: ref(false)}).previousOutput(last)), "map[]")
}

func checkConnection(connection map[string]property.Value) error {
	_, err := RemoteCommand{}.Check(context.Background(), infer.CheckRequest{NewInputs: property.NewMap(
		map[string]property.Value{"connection": property.New(property.NewMap(connection)).WithSecret(true)})})
	return err
}

func TestNamesAnUnknownConnectionFieldButNoneOfTheValues(t *testing.T) {
	err := checkConnection(map[string]property.Value{
		"host":       property.New("192.0.2.1"),
		"privateKey": property.New("very private"),
		"hostname":   property.New("relay"),
	})
	if err == nil || !strings.Contains(err.Error(), "'hostname'") || strings.Contains(err.Error(), "very private") {
		t.Fatal(err)
	}
}

func TestRefusesAProxy(t *testing.T) {
	err := checkConnection(map[string]property.Value{
		"host":  property.New("192.0.2.1"),
		"proxy": property.New(property.NewMap(map[string]property.Value{"host": property.New("192.0.2.2")})),
	})
	if err == nil || !strings.Contains(err.Error(), `"proxy"`) {
		t.Fatal(err)
	}
}

func TestAcceptsAnyHostKeyWhenNoneIsPinned(t *testing.T) {
	in := remote(t, startServer(t))
	in.Connection.HostKey = nil
	_, err := in.run(context.Background(), "greet", Outputs{})
	must(t, err)
}

func TestRetriesAWrongHostKeyAndNamesTheCauseAtTheEnd(t *testing.T) {
	server := startServer(t)
	other, _ := newKey(t)
	in := remote(t, server)
	in.Connection.HostKey = ref(authorizedKey(other.PublicKey()))
	_, err := in.run(context.Background(), "greet", Outputs{})
	equal(t, err.Error(), "after 2 failed attempts: ssh: handshake failed: ssh: host key mismatch")
	equal(t, server.dials.Load(), 3)
}

func TestRetriesARefusedLogin(t *testing.T) {
	_, other := newKey(t)
	in := remote(t, startServer(t))
	in.Connection.PrivateKey = ref(other)
	in.Connection.DialErrorLimit = ref(1)
	_, err := in.run(context.Background(), "greet", Outputs{})
	equal(t, err.Error(), "after 1 failed attempts: ssh: handshake failed: ssh: unable to authenticate, "+
		"attempted methods [none publickey], no supported methods remain")
}

func closedPort(t *testing.T) float64 {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return float64(listener.Addr().(*net.TCPAddr).Port)
}

func TestRetriesARefusedPortAndShowsEachTry(t *testing.T) {
	in := remote(t, startServer(t))
	in.Connection.Port = ref(closedPort(t))
	var shown []string
	_, err := in.Connection.dial(context.Background(), func(line string) { shown = append(shown, line) })
	equal(t, err.Error(), fmt.Sprintf(
		"after 2 failed attempts: dial tcp 127.0.0.1:%.0f: connect: connection refused", *in.Connection.Port))
	equal(t, strings.Join(shown, "\n"), "Dial 1/2 failed: retrying\nDial 2/2 failed: retrying")
}

func TestDialsWithoutEndUntilCancelledWhenUnlimited(t *testing.T) {
	in := remote(t, startServer(t))
	in.Connection.Port = ref(closedPort(t))
	in.Connection.DialErrorLimit = ref(unlimited)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := in.Connection.dial(ctx, func(string) {})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestRefusesUnusableKeysBeforeAnyDial(t *testing.T) {
	server := startServer(t)
	in := remote(t, server)
	in.Connection.PrivateKey = ref("")
	_, err := in.run(context.Background(), "greet", Outputs{})
	equal(t, err.Error(), "ssh: no key found")

	in = remote(t, server)
	in.Connection.HostKey = ref("")
	_, err = in.run(context.Background(), "greet", Outputs{})
	equal(t, err.Error(), "failed to parse host key: ssh: no key found")
	equal(t, server.dials.Load(), 0)
}

func TestFailsOnAMissingAgentEvenWithAKey(t *testing.T) {
	in := remote(t, startServer(t))
	t.Setenv("SSH_AUTH_SOCK", t.TempDir()+"/none")
	if _, err := in.run(context.Background(), "greet", Outputs{}); err == nil {
		t.Fatal("no error")
	}
}
