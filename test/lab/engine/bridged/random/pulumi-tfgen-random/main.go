// Writes what the random plugin embeds: its schema.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"

	"home-relay/engine/bridged/random"
)

func main() {
	tfgen.Main("random", random.Provider())
}
