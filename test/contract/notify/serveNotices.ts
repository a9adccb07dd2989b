/** The stand-ins in a network of their own: each line on stdin is an order, each on stdout what they were told. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { serveNotices } from "../../lab/notices.ts";
import type { NoticeOrder } from "../../lab/notices.ts";

const [, , certificate = "", key = ""] = process.argv;
const { notices } = await serveNotices(
  { cert: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") },
  "127.0.0.1",
  () => undefined,
);
console.log("ready");
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(notices.control(JSON.parse(line) as NoticeOrder)));
process.exit();
