package main

import (
	"context"
	"os"
	"os/exec"
	"strings"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// LocalCommand is command:local:Command: a command on the machine that runs Pulumi.
type LocalCommand struct{}

// LocalInputs are its inputs.
type LocalInputs struct {
	Inputs
	Dir         *string  `pulumi:"dir,optional"`
	Interpreter []string `pulumi:"interpreter,optional"`
}

// LocalState is what is kept of it.
type LocalState struct {
	LocalInputs
	Outputs
}

var (
	_ infer.CustomCheck[LocalInputs]              = LocalCommand{}
	_ infer.CustomUpdate[LocalInputs, LocalState] = LocalCommand{}
	_ infer.CustomDelete[LocalState]              = LocalCommand{}
)

// Annotate names the resource.
func (c *LocalCommand) Annotate(a infer.Annotator) { a.SetToken("local", "Command") }

// Check refuses what is not served.
func (LocalCommand) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[LocalInputs], error) {
	if err := refuse(req.NewInputs, "assetPaths", "archivePaths"); err != nil {
		return infer.CheckResponse[LocalInputs]{}, err
	}
	return check[LocalInputs](ctx, req)
}

// Create runs `create`, if there is one.
func (LocalCommand) Create(
	ctx context.Context, req infer.CreateRequest[LocalInputs],
) (infer.CreateResponse[LocalState], error) {
	state := LocalState{LocalInputs: req.Inputs}
	id, err := newID(req.Name)
	if err == nil && !req.DryRun && req.Inputs.Create != nil {
		state.Outputs, err = req.Inputs.run(ctx, *req.Inputs.Create, Outputs{})
	}
	return infer.CreateResponse[LocalState]{ID: id, Output: state}, err
}

// Update runs `update`, or `create` where there is none.
func (LocalCommand) Update(
	ctx context.Context, req infer.UpdateRequest[LocalInputs, LocalState],
) (infer.UpdateResponse[LocalState], error) {
	state := LocalState{LocalInputs: req.Inputs, Outputs: req.State.Outputs}
	var err error
	if command := req.Inputs.onUpdate(); !req.DryRun && command != nil {
		state.Outputs, err = req.Inputs.run(ctx, *command, req.State.Outputs)
	}
	return infer.UpdateResponse[LocalState]{Output: state}, err
}

// Delete runs the `delete` that the state holds, if it holds one.
func (LocalCommand) Delete(
	ctx context.Context, req infer.DeleteRequest[LocalState],
) (infer.DeleteResponse, error) {
	if req.State.Delete == nil {
		return infer.DeleteResponse{}, nil
	}
	_, err := req.State.run(ctx, *req.State.Delete, req.State.Outputs)
	return infer.DeleteResponse{}, err
}

func (in *LocalInputs) run(ctx context.Context, command string, last Outputs) (Outputs, error) {
	interpreter := in.Interpreter
	if len(interpreter) == 0 {
		interpreter = []string{"/bin/sh", "-c"}
	}
	arguments := append(append([]string{}, interpreter[1:]...), command)
	// A cancelled run kills the interpreter only; what it started goes on, as with the official plugin.
	cmd := exec.CommandContext(ctx, interpreter[0], arguments...)
	if in.Dir != nil {
		cmd.Dir = *in.Dir
	}
	cmd.Env = os.Environ()
	for name, value := range in.Environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	for name, value := range in.previousOutput(last) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if in.Stdin != nil && *in.Stdin != "" {
		cmd.Stdin = strings.NewReader(*in.Stdin)
	}
	output := newCapture(in.logging(), status(ctx))
	cmd.Stdout = output.stdoutWriter()
	cmd.Stderr = output.stderrWriter()
	return output.end(command, cmd.Run())
}
