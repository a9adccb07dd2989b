/** What a room puts on a host, besides the documents of its steps. */
export interface Installation {
  readonly files: readonly InstalledFile[];
  readonly packages: readonly NeededPackage[];
  /** Folders that the room's scripts fill on the host; they go when the host no longer has the room. */
  readonly folders: readonly string[];
}

/** A file of ours on a host. */
export type InstalledFile = FilePlace & ({ readonly source: string } | { readonly text: string });

interface FilePlace {
  /** On the host. `source`, where the file is one of the project's: its path below components/. */
  readonly path: string;
  /** Octal. */
  readonly mode: string;
  /** It says what the kernel is to be set to, and the first step sees to that. At most one on a host. */
  readonly isKernelSettings?: true;
}

/** A Debian package, and a command by which a host shows that it has it already. */
export interface NeededPackage {
  readonly command: string;
  readonly name: string;
}

/** Where our scripts lie on a host. */
export const libraryFolder = "/usr/local/lib/homerelay";

const units = "/etc/systemd/system";

/** Where a script lies on a host, by its file name. */
export function installedPath(script: string): string {
  return `${libraryFolder}/${script}`;
}

/** A script, by its path below components/. */
export function installedScript(source: string): InstalledFile {
  return { source, path: installedPath(fileName(source)), mode: "0755" };
}

/**
 * A room's part of what mend-host.sh looks at and mends. It goes through them by `order`, two digits: what must not be
 * without something else comes behind it.
 */
export function installedMend(source: string, order: string): InstalledFile {
  return {
    source,
    path: `${libraryFolder}/mend/${order}-${fileName(source).replace(/^mend-/, "")}`,
    mode: "0755",
  };
}

/** Something that a script reads. */
export function installedData(source: string): InstalledFile {
  return { source, path: installedPath(fileName(source)), mode: "0644" };
}

/** A unit of systemd, named as its file. */
export function installedUnit(source: string): InstalledFile {
  return { source, path: `${units}/${fileName(source)}`, mode: "0644" };
}

/** A drop-in `name` of a unit that is somebody else's, or one of ours on another role. */
export function installedDropIn(source: string, unit: string, name: string): InstalledFile {
  return { source, path: `${units}/${unit}.d/${name}`, mode: "0644" };
}

/** All of several rooms, in their order; a file that several of them need is there once. */
export function joinInstallations(installations: readonly Installation[]): Installation {
  const files = installations.flatMap((installation) => installation.files);
  return {
    files: files.filter(({ path }, i) => files.findIndex((other) => other.path === path) === i),
    packages: installations.flatMap(({ packages }) => packages),
    folders: installations.flatMap(({ folders }) => folders),
  };
}

function fileName(source: string): string {
  return source.slice(source.lastIndexOf("/") + 1);
}
