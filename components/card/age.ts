const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** How long ago something was, in words; both in seconds since 1970, by clocks of two machines. */
export function describeAge(at: number, now: number): string {
  const age = now - at;
  if (Math.abs(age) < 2 * minute) return "just now";
  const date = `${new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  if (age < 0) return `${date}, by its own clock`;
  const [count, unit] =
    age < 2 * hour ? [age / minute, "minutes"] : age < 2 * day ? [age / hour, "hours"] : [age / day, "days"];
  return `${Math.floor(count)} ${unit} ago, ${date}`;
}
