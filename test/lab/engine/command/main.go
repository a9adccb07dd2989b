// A stand-in for Pulumi's command plugin, for machines on which the official binary cannot be downloaded; it is not
// to be had as a Go module, as the other plugins are. Where the official binary can be had, the lab runs with it,
// and the same checks must pass.
//
// It serves command:remote:Command and command:local:Command as the official 1.2.1 does: same inputs, same choice of
// command, same retries, same texts. What it does not serve (a proxy, assetPaths, archivePaths, CopyToRemote, the
// functions) is an error, so that a program which comes to need it does not pass the lab on a guess.
package main

import (
	"context"
	"fmt"
	"os"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
)

// Version is that of the npm package whose programs this plugin serves; the linker sets it.
var Version = "0.0.0"

func plugin() (provider.Provider, error) {
	return infer.NewProviderBuilder().
		WithNamespace("home-relay").
		WithResources(infer.Resource(RemoteCommand{}), infer.Resource(LocalCommand{})).
		Build()
}

func main() {
	plugin, err := plugin()
	if err == nil {
		err = plugin.Run(context.Background(), "command", Version)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
