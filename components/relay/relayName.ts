/** What messages call the relay. */
export const relayTitle = "the relay";

/** What the relay itself knows it is. With a capital, since no home can be named so. */
export const relayNameOnHost = "Relay";
