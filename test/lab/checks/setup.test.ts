/** The first hour: somebody at a terminal in the home's LAN answers `npm run setup`, and ends with a page. */
import { copyFile, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { addresses, cloudApiUrl } from "../addresses.ts";
import { cloudRequests, forgetCloudRequests } from "../cloudByHand.ts";
import { controlCloud } from "../control.ts";
import { raiseLab } from "../fixture.ts";
import { checkout, hostKeyOf, operatorSsh, zone } from "../operator.ts";
import { paths } from "../paths.ts";
import { pageOf } from "../people.ts";
import { sit } from "../sitting.ts";
import type { Answers, Sitting } from "../sitting.ts";
import { cloudToken } from "../world.ts";

const lab = raiseLab({ stack: "check" });
const passphrase = "a phrase of my own";

test("a person who answers the questions has a page on the internet, and no word of its secrets on the screen", async () => {
  await controlCloud({ seedZone: { name: zone } });
  await copyFile(paths.operatorKey, join(operatorSsh, "id_ed25519"));
  const token = await cloudToken();
  const steps: Answers = [
    ["Where is the relay", "<enter>"],
    ["The token", `${token}<enter>`],
    ["Where is it to stand", "<enter>"],
    ["How large", "<enter>"],
    ["And the home", "<enter>"],
    ["Your home server", `${addresses.home}<enter>`],
    ["Is it the same", "<up><enter>"],
    // The last of the choices: other ports.
    ["What is to be open", "<up><space><enter>"],
    ["The other ports", "80:8080<enter>"],
    ["By which name", "<enter>"],
    ["Which names", "<enter>"],
    ["Laptops and phones", "<enter>"],
    ["The passphrase", `${passphrase}<enter>`],
    ["The same once more", `${passphrase}<enter>`],
    ["Write Pulumi.home.yaml", "<enter>"],
  ];
  const command = ["node", "--disable-warning=ExperimentalWarning", "components/set-up-stack.ts"];
  await forgetCloudRequests();
  const { command: atTerminal, input } = sit(command, steps);
  const { code, stdout, stderr } = await lab.operator.command(atTerminal, {
    input,
    env: { HCLOUD_ENDPOINT: cloudApiUrl, PULUMI_CONFIG_PASSPHRASE: undefined, TERM: "xterm" },
  });
  expect([code, stderr]).toEqual([0, ""]);
  const sitting = JSON.parse(stdout) as Sitting;
  expect([sitting.unasked, sitting.code]).toEqual([[], 0]);
  expect(sitting.screen).toContain("Very likely behind CGNAT");
  expect(sitting.screen).toContain("80:8080");
  const file = await readFile(join(checkout, "Pulumi.home.yaml"), "utf8");
  const [type, key] = (await hostKeyOf("home")).split(" ");
  expect(file).toContain(`hostKey: ${type ?? ""} ${key ?? ""}`);
  for (const secret of [token, passphrase]) expect(sitting.raw + file).not.toContain(secret);
  // Until pulumi up nothing is made.
  const changes = (await cloudRequests()).filter(({ method, status }) => method !== "GET" && status < 400);
  expect(changes).toEqual([]);

  lab.operator.stack = "home";
  await lab.operator.up([], { env: { HCLOUD_ENDPOINT: cloudApiUrl, PULUMI_CONFIG_PASSPHRASE: passphrase } });
  expect(await pageOf(`http://${zone}/`, 4)).toContain(`<p>You are ${addresses.stranger}</p>`);
  await expect(stat(join(checkout, "Pulumi.dev.yaml"))).rejects.toThrow("ENOENT");
});
