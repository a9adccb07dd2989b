// Named inside the provider's module: only there may its internal package be imported.
module github.com/terraform-providers/terraform-provider-random/plugin

go 1.26.4

require (
	github.com/hashicorp/terraform-plugin-framework v1.19.0
	github.com/terraform-providers/terraform-provider-random v1.3.2-0.20260513075824-f8d869dc98d9
)
