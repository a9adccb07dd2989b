import { expect, test } from "@jest/globals";
import { isOlderPort, noteEndpoints, parseEndpoints } from "../../../components/relay/sshEndpointDocument.ts";

const at = (host: string, port: number) => ({ host, port });

test("a note is read as it was written, on any system", () => {
  expect(parseEndpoints("203.0.113.5 2222\r\n10.77.0.1 22\n")).toEqual([
    at("203.0.113.5", 2222),
    at("10.77.0.1", 22),
  ]);
  expect(parseEndpoints("")).toEqual([]);
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
