/**
 * Names one lab among several on a machine: it is part of the name of every namespace, machine, cgroup and folder.
 * Two labs with different names (HOMERELAY_LAB) know nothing of each other. 1-6 of a-z and 0-9. @default lab
 */
export const labName = process.env["HOMERELAY_LAB"] ?? "lab";

if (!/^[a-z0-9]{1,6}$/.test(labName)) {
  throw new Error(`HOMERELAY_LAB must be 1 to 6 lower-case letters and digits; found "${labName}"`);
}

/** Begins the names of the lab's namespaces and machines. */
export const labPrefix = `hr-${labName}-`;
