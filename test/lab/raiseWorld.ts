import type { Progress } from "./progress.ts";
import { worldOptions } from "./worldOptions.ts";
import type { Making, World } from "./worldOptions.ts";
import { up } from "./world.ts";

/** Raises the lab as it was declared; finds one up already, whatever that is like. */
export async function raiseWorld(world: World, progress: Progress): Promise<void> {
  const makings = declared(world);
  for (const [name, { prepare }] of makings)
    if (prepare) await progress.phase(`Preparing ${name}`, (detail) => prepare(detail));
  await up(progress, {
    machine: Object.assign({}, ...makings.map(([, { home }]) => home ?? {})) as object,
    network: Object.assign({}, ...makings.map(([, { network }]) => network ?? {})) as object,
  });
  for (const [name, { make }] of makings) if (make) await progress.phase(`Making ${name}`, () => make());
}

/** In the order of the table, whatever the order of the declaration is. */
function declared(world: World): [string, Making][] {
  return Object.entries(worldOptions).flatMap(([name, option]): [string, Making][] => {
    const value = world[name as keyof World];
    return value === undefined ? [] : [[name, (option as (declared: typeof value) => Making)(value)]];
  });
}
