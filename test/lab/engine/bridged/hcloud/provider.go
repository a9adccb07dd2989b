// Package hcloud names the real Hetzner Cloud provider for Pulumi: the same provider and the same bridge as the
// official plugin, which is not to be had as a Go module. Only the names are ours: tokens, automatic names, ids.
package hcloud

import (
	"context"
	_ "embed"

	tf "github.com/hetznercloud/terraform-provider-hcloud/hcloud"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	sdkv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Both files are written by pulumi-tfgen-hcloud during the build; the checkout has neither.
var (
	//go:embed bridge-metadata.json
	metadata []byte
	//go:embed schema.json
	Schema []byte
)

// Version is that of the npm package whose programs this plugin serves; the linker sets it.
var Version = "0.0.0"

// Provider describes the package.
func Provider() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:            pf.MuxShimWithPF(context.Background(), sdkv2.NewProvider(tf.Provider()), tf.NewPluginProvider()),
		Name:         "hcloud",
		Version:      Version,
		MetadataInfo: tfbridge.NewProviderMetadata(metadata),
		Resources: map[string]*tfbridge.ResourceInfo{
			"hcloud_server": {PreCheckCallback: completeNetworks},
		},
	}
	info.MustComputeTokens(tokens.SingleModule("hcloud_", "index", tokens.MakeStandard("hcloud")))
	info.SetAutonaming(255, "-")

	// Pulumi's ids are strings; some of the provider's are numbers.
	for name, names := range info.Resources {
		id, ok := info.P.ResourcesMap().Get(name).Schema().GetOk("id")
		if ok && id.Type() != shim.TypeString {
			if names.Fields == nil {
				names.Fields = map[string]*tfbridge.SchemaInfo{}
			}
			names.Fields["id"] = &tfbridge.SchemaInfo{Type: "string"}
			// The bridge's own choice for a number is the placeholder "missing ID", made before it knew of the line above.
			names.ComputeID = nil
		}
	}
	return info
}

// As the official plugin does: a network without aliases has none, which is not the same as unknown ones.
func completeNetworks(
	_ context.Context, server, _ resource.PropertyMap,
) (resource.PropertyMap, error) {
	networks, ok := server["networks"]
	if !ok || !networks.IsArray() {
		return server, nil
	}
	completed := make([]resource.PropertyValue, 0, len(networks.ArrayValue()))
	for _, network := range networks.ArrayValue() {
		if network.IsObject() && !network.ObjectValue().HasValue("aliasIps") {
			with := network.ObjectValue().Copy()
			with["aliasIps"] = resource.NewProperty([]resource.PropertyValue{})
			network = resource.NewProperty(with)
		}
		completed = append(completed, network)
	}
	result := server.Copy()
	result["networks"] = resource.NewProperty(completed)
	return result, nil
}
