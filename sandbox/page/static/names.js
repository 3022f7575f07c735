// What ids are called, seen from one channel.

export const CHANNEL_TYPES = {
  0: { sign: "#", says: "text channel" },
  1: { sign: "@", says: "direct message" },
  2: { sign: "♪", says: "voice channel" },
  4: { sign: "▾", says: "category" },
  5: { sign: "!", says: "announcement channel" },
  11: { sign: "↳", says: "thread" },
  15: { sign: "≡", says: "forum" },
};

export class Names {
  constructor(store, guildId) {
    this.store = store;
    this.guild = guildId ? store.get(`guild/${guildId}`) : undefined;
    this.members = new Map((this.guild?.members ?? []).map((member) => [member.id, member]));
    this.roles = new Map((this.guild?.roles ?? []).map((role) => [role.id, role]));
  }

  /** The nickname in this guild, else the account's name; null for somebody unknown. */
  user(id) {
    return this.members.get(id)?.nick ?? this.store.get("users")?.[id]?.name ?? null;
  }

  role(id) {
    return this.roles.get(id)?.name ?? null;
  }

  channel(id) {
    const channel = this.store.get(`channel/${id}`);
    return channel ? channelName(this.store, channel) : null;
  }
}

export function channelName(store, channel) {
  if (channel.type !== 1) return channel.name;
  return store.get("users")?.[channel.recipient_id]?.name ?? "somebody";
}

/** A role's colour; none has the colour of text. */
export const roleColour = (role) => (role?.color ? `#${role.color.toString(16).padStart(6, "0")}` : "currentColor");

/** The first letters of a name, for its badge. */
export const initials = (name) =>
  (name.match(/[\p{L}\p{N}]+/gu) ?? ["?"])
    .slice(0, 2)
    .map((word) => [...word][0])
    .join("")
    .toUpperCase();

/** A steady hue for an id; neighbours get hues far apart (steps of the golden ratio spread evenly). */
export function hueOf(id) {
  const number = [...String(id)].reduce((sum, letter) => (sum * 10 + letter.codePointAt(0)) % 9973, 0);
  return Math.round(((number * 0.618034) % 1) * 360);
}
