package main

import (
	"context"
	"fmt"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Inputs are what both kinds of command take.
type Inputs struct {
	Create      *string           `pulumi:"create,optional"`
	Update      *string           `pulumi:"update,optional"`
	Delete      *string           `pulumi:"delete,optional"`
	Stdin       *string           `pulumi:"stdin,optional"`
	Environment map[string]string `pulumi:"environment,optional"`
	// The SDK adds `triggers[*]` to the resource's replaceOnChanges; this covers the list coming or going as a whole.
	Triggers               []any   `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Logging                *string `pulumi:"logging,optional"`
	AddPreviousOutputInEnv *bool   `pulumi:"addPreviousOutputInEnv,optional"`
}

// Outputs are what a command printed, each without its last newline.
type Outputs struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// The logging modes, as the SDK spells them.
const (
	logStdout = "stdout"
	logStderr = "stderr"
	logBoth   = "stdoutAndStderr"
	logNone   = "none"
)

func (in *Inputs) logging() string {
	if in.Logging == nil {
		return logBoth
	}
	return *in.Logging
}

// onUpdate is the command for a changed input: there is no diff of the host, so without an `update` it is `create`.
func (in *Inputs) onUpdate() *string {
	if in.Update != nil {
		return in.Update
	}
	return in.Create
}

// previousOutput is what the last run printed, as variables for this one.
func (in *Inputs) previousOutput(last Outputs) map[string]string {
	variables := map[string]string{}
	if in.AddPreviousOutputInEnv != nil && !*in.AddPreviousOutputInEnv {
		return variables
	}
	if last.Stdout != "" {
		variables["PULUMI_COMMAND_STDOUT"] = last.Stdout
	}
	if last.Stderr != "" {
		variables["PULUMI_COMMAND_STDERR"] = last.Stderr
	}
	return variables
}

// complete fills the one default of the shared inputs and refuses a logging mode that does not exist.
func (in *Inputs) complete() []provider.CheckFailure {
	if in.AddPreviousOutputInEnv == nil {
		yes := true
		in.AddPreviousOutputInEnv = &yes
	}
	switch in.logging() {
	case logStdout, logStderr, logBoth, logNone:
		return nil
	case "": // Unknown until its source is made.
		return nil
	default:
		return []provider.CheckFailure{{
			Property: "logging",
			Reason:   fmt.Sprintf("%q is none of %s, %s, %s, %s", in.logging(), logStdout, logStderr, logBoth, logNone),
		}}
	}
}

// refuse says by name what the official plugin serves and this one does not.
func refuse(in property.Map, names ...string) error {
	for _, name := range names {
		if value, ok := in.GetOk(name); ok && !value.IsNull() {
			return fmt.Errorf("the lab's stand-in for the command plugin does not serve %q: "+
				"run with the official plugin, or add it to the stand-in", name)
		}
	}
	return nil
}

// check decodes the inputs and completes them.
func check[I any, P interface {
	*I
	complete() []provider.CheckFailure
}](ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[I], error) {
	inputs, failures, err := infer.DefaultCheck[I](ctx, req.NewInputs)
	if err == nil && len(failures) == 0 {
		failures = P(&inputs).complete()
	}
	return infer.CheckResponse[I]{Inputs: inputs, Failures: failures}, err
}

// newID is the resource's name and eight hex digits.
func newID(name string) (string, error) {
	return resource.NewUniqueHex(name, 8, 0)
}
