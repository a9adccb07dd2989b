package main

import (
	"context"
	"fmt"
	"strings"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"golang.org/x/crypto/ssh"
)

// RemoteCommand is command:remote:Command: a command on a host that is reached over SSH.
type RemoteCommand struct{}

// RemoteInputs are its inputs.
type RemoteInputs struct {
	Inputs
	Connection *Connection `pulumi:"connection" provider:"secret"`
}

// RemoteState is what is kept of it.
type RemoteState struct {
	RemoteInputs
	Outputs
}

var (
	_ infer.CustomCheck[RemoteInputs]               = RemoteCommand{}
	_ infer.CustomUpdate[RemoteInputs, RemoteState] = RemoteCommand{}
	_ infer.CustomDelete[RemoteState]               = RemoteCommand{}
)

// Annotate names the resource.
func (c *RemoteCommand) Annotate(a infer.Annotator) { a.SetToken("remote", "Command") }

// Check refuses what is not served. A connection that does not decode is an error in words: a check failure would be
// shown with the value it is about, private key and all.
func (RemoteCommand) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[RemoteInputs], error) {
	if connection := req.NewInputs.Get("connection"); connection.IsMap() {
		if err := refuse(connection.AsMap(), "proxy"); err != nil {
			return infer.CheckResponse[RemoteInputs]{}, err
		}
	}
	response, err := check[RemoteInputs](ctx, req)
	for _, failure := range response.Failures {
		if strings.HasPrefix(failure.Property, "connection") {
			return infer.CheckResponse[RemoteInputs]{}, fmt.Errorf("%s: %s", failure.Property, failure.Reason)
		}
	}
	return response, err
}

// Create runs `create`, if there is one.
func (RemoteCommand) Create(
	ctx context.Context, req infer.CreateRequest[RemoteInputs],
) (infer.CreateResponse[RemoteState], error) {
	state := RemoteState{RemoteInputs: req.Inputs}
	id, err := newID(req.Name)
	if err == nil && !req.DryRun && req.Inputs.Create != nil {
		state.Outputs, err = req.Inputs.run(ctx, *req.Inputs.Create, Outputs{})
	}
	return infer.CreateResponse[RemoteState]{ID: id, Output: state}, err
}

// Update runs `update`, or `create` where there is none.
func (RemoteCommand) Update(
	ctx context.Context, req infer.UpdateRequest[RemoteInputs, RemoteState],
) (infer.UpdateResponse[RemoteState], error) {
	state := RemoteState{RemoteInputs: req.Inputs, Outputs: req.State.Outputs}
	var err error
	if command := req.Inputs.onUpdate(); !req.DryRun && command != nil {
		state.Outputs, err = req.Inputs.run(ctx, *command, req.State.Outputs)
	}
	return infer.UpdateResponse[RemoteState]{Output: state}, err
}

// Delete runs the `delete` that the state holds over the connection that the state holds; without one nothing is
// dialled.
func (RemoteCommand) Delete(
	ctx context.Context, req infer.DeleteRequest[RemoteState],
) (infer.DeleteResponse, error) {
	if req.State.Delete == nil {
		return infer.DeleteResponse{}, nil
	}
	_, err := req.State.run(ctx, *req.State.Delete, req.State.Outputs)
	return infer.DeleteResponse{}, err
}

func (in *RemoteInputs) run(ctx context.Context, command string, last Outputs) (Outputs, error) {
	show := status(ctx)
	// The client is never closed, as with the official plugin: a program that opens too many connections for the
	// host's MaxStartups has to fail here too.
	client, err := in.Connection.dial(ctx, show)
	if err != nil {
		return Outputs{}, err
	}
	session, err := client.NewSession()
	if err != nil {
		return Outputs{}, err
	}
	defer session.Close()

	warn := provider.GetLogger(ctx).Warning
	if err := setEnvironment(session, in.Environment, in.previousOutput(last), warn); err != nil {
		return Outputs{}, err
	}
	if in.Stdin != nil && *in.Stdin != "" {
		session.Stdin = strings.NewReader(*in.Stdin)
	}
	output := newCapture(in.logging(), show)
	session.Stdout = output.stdoutWriter()
	session.Stderr = output.stderrWriter()
	// Nothing ends a remote command early: neither a cancelled run nor customTimeouts.
	return output.end(command, session.Run(command))
}

// sshd takes a variable only if its AcceptEnv names it.
const refusedVariable = "the SSH server refused the variable %s: %w; name it in the server's AcceptEnv, or put it " +
	"into the command or its stdin"

// A refused variable of the program is an error; a refused variable that nobody asked for is a warning.
func setEnvironment(session *ssh.Session, asked, automatic map[string]string, warn func(string)) error {
	for name, value := range asked {
		if err := session.Setenv(name, value); err != nil {
			return fmt.Errorf(refusedVariable, name, err)
		}
	}
	for name, value := range automatic {
		if err := session.Setenv(name, value); err != nil {
			warn(fmt.Errorf(refusedVariable, name, err).Error())
		}
	}
	return nil
}
