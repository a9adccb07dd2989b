import { describe, expect, test } from "@jest/globals";
import {
  isOlderPort,
  noteEndpoints,
  noteHostKeys,
  parseNote,
  renderNote,
  withoutLogin,
} from "../../../components/relay/sshEndpointDocument.ts";

const at = (host: string, port: number) => ({ host, port });

test("a note is read as it was written, on any system", () => {
  const endpoints = [at("203.0.113.5", 2222), at("10.77.0.1", 22)];
  expect(parseNote("203.0.113.5 2222\r\n10.77.0.1 22\n")).toEqual({
    endpoints,
    login: undefined,
    hostKeys: [],
  });
  expect(parseNote("")).toEqual({ endpoints: [], login: undefined, hostKeys: [] });
  const note = {
    endpoints,
    login: { publicKey: "ssh-ed25519 AAAAadmin2", sealed: "c2VhbGVk" },
    hostKeys: ["ssh-ed25519 AAAAhost2 1", "ssh-ed25519 AAAAhost"],
  };
  const text = renderNote(note);
  expect(parseNote(text)).toEqual(note);
  expect(parseNote(`${text.replaceAll("\n", "\r\n")}\r\n`)).toEqual(note);
  expect(parseNote(withoutLogin(text))).toEqual({ ...note, login: undefined });
});

test("the wanted endpoint is the newest, then the public one, then those before, at most four and each once", () => {
  const document = { wanted: at("10.77.0.1", 2222), publicAddress: "203.0.113.5" };
  const known = [at("203.0.113.5", 22), at("10.77.0.1", 2222), at("10.77.0.1", 22), at("10.77.0.1", 23)];
  expect(noteEndpoints(document, known)).toEqual([
    at("10.77.0.1", 2222),
    at("203.0.113.5", 2222),
    at("203.0.113.5", 22),
    at("10.77.0.1", 22),
  ]);
  const outside = { wanted: at("203.0.113.5", 22), publicAddress: "203.0.113.5" };
  expect(noteEndpoints(outside, [])).toEqual([at("203.0.113.5", 22)]);
});

test("an endpoint is an older one when it is known at another port than the newest has", () => {
  const known = [at("203.0.113.5", 22), at("203.0.113.5", 2222), at("10.77.0.1", 22)];
  expect(
    [at("203.0.113.5", 2222), at("10.77.0.1", 22), at("10.77.0.1", 2222)].map((one) =>
      isOlderPort(one, known),
    ),
  ).toEqual([true, false, false]);
});

describe("the host keys that a relay may show", () => {
  const [one, two, three] = ["ssh-ed25519 AAAA1", "ssh-ed25519 AAAA2", "ssh-ed25519 AAAA3"] as const;
  const known = (...hostKeys: string[]) => ({
    endpoints: [at("203.0.113.5", 22)],
    login: undefined,
    hostKeys,
  });

  test("are not noted while it has had the first one only", () => {
    expect(noteHostKeys(one, one, known())).toEqual([]);
    expect(noteHostKeys(one, one, { ...known(), endpoints: [] })).toEqual([]);
  });

  test("are the new one before those that it had, each change with a number", () => {
    expect(noteHostKeys(two, one, known())).toEqual([`${two} 1`, one]);
    expect(noteHostKeys(three, one, known(`${two} 1`, one))).toEqual([`${three} 2`, `${two} 1`, one]);
    expect(noteHostKeys(one, one, known(`${two} 1`, one))).toEqual([`${one} 2`, `${two} 1`, one]);
    expect(noteHostKeys(two, one, known(`${two} 1`, one))).toEqual([`${two} 1`, one]);
  });

  test("are none but the wanted one of a relay that is not there yet", () => {
    expect(noteHostKeys(two, one, { ...known(), endpoints: [] })).toEqual([two]);
  });

  test("are not remembered for ever", () => {
    const many = Array.from({ length: 8 }, (_, i) => `ssh-ed25519 AAAA${8 - i} ${8 - i}`);
    expect(noteHostKeys("ssh-ed25519 AAAA9", one, known(...many))).toEqual([
      "ssh-ed25519 AAAA9 9",
      ...many.slice(0, 7),
    ]);
  });
});
