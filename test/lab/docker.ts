/** Debian's own Docker on a machine that may run containers; there is no registry, so its image is made on the spot. */
import { bring, shell } from "./people.ts";
import type { Place } from "./people.ts";

/** Installs Docker with the settings of a daemon.json, and an image that has the machine's own programs. */
export async function installDocker(machine: Place, settings: object): Promise<void> {
  await bring(machine, "witness.py");
  await shell(
    machine,
    `export DEBIAN_FRONTEND=noninteractive
    mkdir -p /etc/docker /root/image && echo '${JSON.stringify(settings)}' >/etc/docker/daemon.json
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends docker.io docker-cli nftables >/dev/null 2>&1
    cd /root/image && ln -s usr/bin usr/lib usr/lib64 . && tar -c . | docker import - programs`,
  );
}

/**
 * Runs a service of TCP and UDP at port 80 of a container, published at `port`, which tells its clients whom it saw.
 * Docker starts it again at each boot.
 */
export async function runContainer(
  machine: Place,
  name: string,
  port: number,
  options: readonly string[] = [],
): Promise<void> {
  const settings = ["--restart always", "--stop-signal KILL", `--name ${name}`, ...options];
  const publish = ["tcp", "udp"].map((protocol) => `--publish ${port}:80/${protocol}`);
  const volumes = ["/usr", "/opt/lab"].map((folder) => `--volume ${folder}:${folder}:ro`);
  const program = "programs python3 /opt/lab/witness.py tcp:80 udp:80";
  await shell(machine, ["docker run --detach", ...settings, ...publish, ...volumes, program].join(" "));
}
