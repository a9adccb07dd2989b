/** Marks a forwarded connection, so that its replies take the tunnel; on the wire it does not show. */
export const forwardedMark = "0x77";

/** Marks a connection of a device. Its replies find the tunnel by the device's own address, so no route asks for it. */
export const guestMark = "0x78";
