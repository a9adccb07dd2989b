import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { addresses } from "./addresses.ts";
import { cachedRoot } from "./root.ts";

/** Serves `/<suite>/<file>`: what the machines' own apt-get fetches from. */
export async function servePackages(): Promise<void> {
  const server = createServer((request, response) => {
    answer(request.url ?? "", response).catch(() => response.writeHead(404).end());
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(80, addresses.packageMirror, resolve);
  });
}

async function answer(url: string, response: ServerResponse): Promise<void> {
  const [, suite, file] = /^\/(trixie|bookworm)\/(?:\.\/)?([^/]+)$/.exec(decodeURIComponent(url)) ?? [];
  if (file === undefined || (suite !== "trixie" && suite !== "bookworm")) {
    response.writeHead(404).end();
    return;
  }
  const path = join((await cachedRoot(suite)).packages, file);
  const { size } = await stat(path);
  response.writeHead(200, { "Content-Length": size });
  createReadStream(path).pipe(response);
}
