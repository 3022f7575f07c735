// Guilds and channels to choose from, and which of them have something new.

import { KeyedList, el, spoken } from "./dom.js";
import { CHANNEL_TYPES, channelName } from "./names.js";

const CATEGORY = 4;
const DIRECT = 1;
const byPosition = (one, other) =>
  one.position - other.position || Number(BigInt(one.id) - BigInt(other.id) > 0n) || -1;

/** The list of channels. `seen` maps a channel to the newest message that was looked at. */
export class Places {
  constructor(store, seen) {
    this.store = store;
    this.seen = seen;
    this.list = new KeyedList(document.getElementById("channels"), {
      key: (group) => group.id,
      inputs: (group) => [group.signature],
      make: (group) => this.#group(group),
    });
  }

  render(currentId) {
    const users = this.store.get("users");
    const channels = this.store.all("channel");
    const groups = this.store.all("guild").map((guild) => ({ id: guild.id, name: guild.name, guild }));
    groups.push({ id: "direct", name: "Direct messages", guild: null });
    for (const group of groups) {
      const within = channels.filter((each) => (group.guild ? each.guild_id === group.id : each.type === DIRECT));
      group.rows = ordered(within).map((channel) => this.#row(channel, currentId));
      group.signature = JSON.stringify([group.rows, group.guild?.bot_is_member, group.guild ? 0 : users]);
    }
    this.list.show(groups.filter((group) => group.rows.length));
  }

  #row(channel, currentId) {
    const isCurrent = channel.id === currentId;
    if (isCurrent) this.seen.set(channel.id, channel.last_message_id);
    if (!this.seen.has(channel.id)) this.seen.set(channel.id, channel.last_message_id);
    const isNew = BigInt(channel.last_message_id ?? 0) > BigInt(this.seen.get(channel.id) ?? 0);
    return { ...channel, label: channelName(this.store, channel), isCurrent, isNew };
  }

  #group({ id, name, guild, rows }) {
    const isElsewhere = guild && !guild.bot_is_member;
    return el(
      "section",
      { class: "guild", "aria-labelledby": `guild-${id}` },
      el("h2", { id: `guild-${id}` }, name, isElsewhere && el("span", { class: "tag" }, "bot not in it")),
      el(
        "ul",
        {},
        rows.map((row) => el("li", {}, this.#link(row))),
      ),
    );
  }

  #link(row) {
    const { sign, says } = CHANNEL_TYPES[row.type] ?? { sign: "?", says: "channel" };
    if (row.type === CATEGORY) return el("p", { class: "category" }, row.label);
    const classes = [
      "channel-link",
      row.isNew && "has-new",
      row.is_archived && "is-archived",
      row.type === 11 && "is-thread",
    ];
    return el(
      "a",
      {
        class: classes.filter(Boolean).join(" "),
        href: `#channel=${row.id}`,
        "aria-current": row.isCurrent ? "page" : null,
        "data-focus-key": `channel-${row.id}`,
        title: `${says} ${row.id}`,
      },
      el("span", { class: "sign", "aria-hidden": "true" }, sign),
      spoken(`${says} `),
      el("span", { class: "channel-label" }, row.label),
      row.is_locked
        ? el("span", { class: "tag" }, "locked")
        : row.is_archived && el("span", { class: "tag" }, "archived"),
      row.isNew && el("span", { class: "new-mark" }, spoken("new messages")),
    );
  }
}

// Threads stand under the channel they belong to.
function ordered(channels) {
  const threads = channels.filter((each) => each.type === 11);
  const others = channels.filter((each) => each.type !== 11).sort(byPosition);
  const placed = others.flatMap((each) => [
    each,
    ...threads.filter((thread) => thread.parent_id === each.id).sort(byPosition),
  ]);
  return [...placed, ...threads.filter((thread) => !placed.includes(thread))];
}
