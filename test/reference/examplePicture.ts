import type { StackParts } from "../../components/picture/stackParts.ts";

/** The stack that README.md shows: examples/hetzner.yaml, with a phone and a laptop. */
export const pictured: StackParts = {
  relay: { machine: "Hetzner cx23, nbg1", addresses: ["203.0.113.5", "2001:db8:77::1"] },
  names: ["example.org", "www.example.org"],
  homes: [
    {
      name: "nas",
      address: "10.77.218.48",
      forwards: [
        { published: "80/tcp", target: "8080", from: "" },
        { published: "443/tcp", target: "8081", from: "" },
        { published: "64738/tcp+udp", target: "64738", from: "" },
      ],
    },
  ],
  devices: [
    { name: "laptop", allow: ["nas"] },
    { name: "phone", allow: ["nas"] },
  ],
};
