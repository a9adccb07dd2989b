/**
 * One end of a conversation, in a namespace of relayWorld.ts:
 *   talk serve PORT WORD                answers every datagram with `WORD sees ADDRESS PORT`
 *   talk ask FROM ADDRESS PORT TRIES    sends from port FROM until an answer comes, and prints it, or `refused`, or
 *                                       `no answer`
 *   talk listen PORT                    accepts every TCP connection
 *   talk connect ADDRESS PORT COUNT     that many TCP connections at once; prints how many were accepted
 */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { setTimeout } from "node:timers/promises";

const patienceMilliseconds = 800;
const [verb = "", ...args] = process.argv.slice(2);
const [first = "", second = "", third = "", fourth = ""] = args;

if (verb === "serve") serve(Number(first), second);
else if (verb === "ask") console.log(await ask(Number(first), second, Number(third), Number(fourth)));
else if (verb === "listen")
  createServer((socket) => socket.on("error", () => socket.destroy())).listen(Number(first), "::");
else if (verb === "connect") {
  console.log(await countConnections(first, Number(second), Number(third)));
  process.exit();
} else throw new Error(`talk has no verb ${verb}`);

function serve(port: number, word: string): void {
  for (const type of ["udp4", "udp6"] as const) {
    const socket = createSocket({ type, ipv6Only: type === "udp6" });
    socket.on("message", (_, sender) =>
      socket.send(`${word} sees ${sender.address} ${sender.port}`, sender.port, sender.address),
    );
    socket.bind(port);
  }
}

async function ask(from: number, address: string, port: number, tries: number): Promise<string> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  const answer = new Promise<string>((resolve) => {
    socket.once("message", (message) => resolve(message.toString()));
    socket.on("error", (error) =>
      resolve("code" in error && error.code === "ECONNREFUSED" ? "refused" : error.message),
    );
  });
  socket.bind(from);
  await new Promise<void>((resolve) => socket.connect(port, address, resolve));
  let said = "no answer";
  for (let i = 0; i < tries && said === "no answer"; i++) {
    socket.send("hello");
    said = await Promise.race([answer, setTimeout(patienceMilliseconds, "no answer")]);
  }
  socket.close();
  return said;
}

async function countConnections(address: string, port: number, count: number): Promise<number> {
  let accepted = 0;
  for (let i = 0; i < count; i++) connect(port, address, () => accepted++).on("error", () => undefined);
  await setTimeout(patienceMilliseconds);
  return accepted;
}
