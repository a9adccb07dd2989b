import { expect, test } from "@jest/globals";
import { Notify } from "../../../components/notify/Notify.ts";
import { media, nas } from "../generators/examples.ts";
import { earlier, relayHost } from "../componentArguments.ts";
import { named, plainTexts, register, tree } from "../mockEngine.ts";

const component = "homerelay:notify:Notify relay-notify";

test("is the secrets, then who is watched and told; where that is stands nowhere in clear", async () => {
  const registered = await register(
    () =>
      new Notify("relay-notify", {
        host: relayHost(),
        services: [
          { service: "ntfy", url: "https://ntfy.sh/topic-s3cret", token: undefined },
          { service: "gotify", url: "https://gotify.example.net", token: "t0ken-s3cret" },
        ],
        homes: [
          { name: "nas", tunnelAddress: nas },
          { name: "media", tunnelAddress: media },
        ],
        includedTrafficGb: 20_000,
        stack: "home-relay/dev",
        section: "home-relay:notify",
        after: earlier("tunnel"),
      }),
  );
  expect(tree(registered).filter((line) => line.includes("notify"))).toEqual([
    component,
    `command:remote:Command relay-notify-secrets < ${component}`,
    `command:remote:Command relay-notify-watch < ${component}`,
  ]);
  const [secrets, watch] = ["secrets", "watch"].map((step) => named(registered, `relay-notify-${step}`));
  expect([secrets?.inputs["create"], secrets?.inputs["stdin"], secrets?.replaceOnChanges]).toEqual([
    "timeout 300 /usr/local/lib/homerelay/store-notify-secrets.sh",
    {
      secret: "ntfy https://ntfy.sh/topic-s3cret\ngotify https://gotify.example.net t0ken-s3cret\n#end\n",
    },
    expect.arrayContaining(["stdin"]),
  ]);
  expect([watch?.inputs["create"], watch?.inputs["stdin"], watch?.replaceWith]).toEqual([
    "timeout 300 /usr/local/lib/homerelay/apply-notify.sh",
    `\
stack home-relay/dev
settings home-relay:notify
home nas ${nas.ipv4}
home media ${media.ipv4}
included 20000000000000
service ntfy
service gotify
#end
`,
    ["relay-notify-secrets"],
  ]);
  expect(watch?.dependsOn).toEqual(expect.arrayContaining(["relay-notify-secrets", "tunnel"]));
  for (const step of [secrets, watch]) expect(step?.inputs["triggers"]).toContain("said by relay-prepare");
  expect(registered.flatMap((one) => plainTexts(one.inputs)).join("\n")).not.toMatch(/s3cret/);
});
