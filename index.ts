import { HomeRelay } from "./components/HomeRelay.ts";
import { readSettings } from "./components/settings/StackSettings.ts";

const relay = new HomeRelay("home", readSettings());

export const { ipv4Address, ipv6Address, names, nameservers } = relay;
export const { forwards, inside, tunnelAddresses } = relay;
export const { reachability, manual, devices } = relay;
