// Guilds and channels to choose from, and who belongs to the chosen one.

import { KeyedList, el, spoken } from "./dom.js";
import { CHANNEL_TYPES, channelName, hueOf, initials, roleColour } from "./names.js";
import { span } from "./times.js";

const CATEGORY = 4;
const DIRECT = 1;
const byPosition = (one, other) => one.position - other.position || Number(BigInt(one.id) - BigInt(other.id) > 0n) || -1;

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
    return el("section", { class: "guild", "aria-labelledby": `guild-${id}` },
      el("h2", { id: `guild-${id}` }, name, isElsewhere && el("span", { class: "tag" }, "bot not in it")),
      el("ul", {}, rows.map((row) => el("li", {}, this.#link(row)))));
  }

  #link(row) {
    const { sign, says } = CHANNEL_TYPES[row.type] ?? { sign: "?", says: "channel" };
    if (row.type === CATEGORY) return el("p", { class: "category" }, row.label);
    const classes = ["channel-link", row.isNew && "has-new", row.is_archived && "is-archived", row.type === 11 && "is-thread"];
    return el("a", {
      class: classes.filter(Boolean).join(" "),
      href: `#channel=${row.id}`,
      "aria-current": row.isCurrent ? "page" : null,
      "data-focus-key": `channel-${row.id}`,
      title: `${says} ${row.id}`,
    },
    el("span", { class: "sign", "aria-hidden": "true" }, sign), spoken(`${says} `),
    el("span", { class: "channel-label" }, row.label),
    row.is_locked ? el("span", { class: "tag" }, "locked") : row.is_archived && el("span", { class: "tag" }, "archived"),
    row.isNew && el("span", { class: "new-mark" }, spoken("new messages")));
  }
}

// Threads stand under the channel they belong to.
function ordered(channels) {
  const threads = channels.filter((each) => each.type === 11);
  const others = channels.filter((each) => each.type !== 11).sort(byPosition);
  const placed = others.flatMap((each) => [each, ...threads.filter((thread) => thread.parent_id === each.id).sort(byPosition)]);
  return [...placed, ...threads.filter((thread) => !placed.includes(thread))];
}

/** Members, bans and webhooks of the chosen channel's guild. */
export class People {
  constructor(store) {
    this.store = store;
    this.members = new KeyedList(document.getElementById("members"), {
      key: ({ member }) => member.id,
      inputs: ({ signature }) => [signature],
      make: (each) => memberRow(each),
    });
    this.bans = new KeyedList(document.getElementById("bans"), {
      key: (ban) => ban.user.id,
      inputs: (ban) => [JSON.stringify(ban)],
      make: banRow,
    });
    this.webhooks = new KeyedList(document.getElementById("webhooks"), {
      key: ({ hook }) => hook.id,
      inputs: ({ signature }) => [signature],
      make: webhookRow,
    });
  }

  render(guildId) {
    const guild = this.store.get(`guild/${guildId}`);
    const users = this.store.get("users") ?? {};
    this.members.show((guild?.members ?? []).map((member) => this.#member(guild, member, users[member.id])));
    this.bans.show(guild?.bans ?? []);
    const hooks = this.store.all("webhook").filter((hook) => hook.guild_id === guildId);
    this.webhooks.show(hooks.map((hook) => {
      const channel = this.store.get(`channel/${hook.channel_id}`)?.name ?? hook.channel_id;
      return { hook, channel, signature: JSON.stringify([hook, channel]) };
    }));
  }

  #member(guild, member, user) {
    const roles = guild.roles.filter((role) => member.roles.includes(role.id)).sort((a, b) => b.position - a.position);
    const left = member.timed_out_until ? Date.parse(member.timed_out_until) / 1000 - this.store.now() : 0;
    const timeout = left > 0 ? span(left) : null;
    const isOwner = guild.owner_id === member.id;
    return { member, user, roles, timeout, isOwner, signature: JSON.stringify([member, user, roles, timeout, isOwner]) };
  }
}

export const badge = (name, id) =>
  el("span", { class: "badge", "aria-hidden": "true", vars: { "--hue": hueOf(id) } }, initials(name));

function memberRow({ member, user, roles, timeout, isOwner }) {
  const name = member.nick ?? user?.name ?? member.id;
  return el("li", { class: "member", "data-member": member.id },
    badge(name, member.id),
    el("div", { class: "member-text" },
      el("p", { class: "member-name" }, name, user?.is_bot && el("span", { class: "tag" }, "bot"),
        isOwner && el("span", { class: "tag" }, "owner")),
      el("p", { class: "member-aside" }, `@${user?.username ?? "?"} · ${member.id}`),
      timeout && el("p", { class: "timed-out" }, `timed out, ${timeout} left`),
      roles.length > 0 && el("ul", { class: "roles", "aria-label": "Roles" }, roles.map((role) =>
        el("li", { class: "role", vars: { "--role": roleColour(role) } }, role.name)))));
}

function banRow(ban) {
  return el("li", { class: "member", "data-ban": ban.user.id },
    badge(ban.user.name, ban.user.id),
    el("div", { class: "member-text" },
      el("p", { class: "member-name" }, ban.user.name),
      el("p", { class: "member-aside" }, ban.reason ? `“${ban.reason}”` : "no reason given")));
}

function webhookRow({ hook, channel }) {
  return el("li", { class: "member", "data-webhook": hook.id },
    badge(hook.name, hook.id),
    el("div", { class: "member-text" },
      el("p", { class: "member-name" }, hook.name),
      el("p", { class: "member-aside" }, `#${channel} · ${hook.id}`)));
}
