// The hcloud plugin.
package main

import (
	"context"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"

	"home-relay/engine/bridged/hcloud"
)

func main() {
	pf.MainWithMuxer(context.Background(), "hcloud", hcloud.Provider(), hcloud.Schema)
}
