// Writes what the hcloud plugin embeds: its schema and the table that says which half serves which resource.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"

	"home-relay/engine/bridged/hcloud"
)

func main() {
	tfgen.MainWithMuxer("hcloud", hcloud.Provider())
}
