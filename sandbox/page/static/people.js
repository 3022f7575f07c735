// Who belongs to the chosen channel's guild, who is kept out of it, and what may speak there without belonging.

import { KeyedList, el } from "./dom.js";
import { hueOf, initials, roleColour } from "./names.js";
import { span } from "./times.js";

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
    this.webhooks.show(
      hooks.map((hook) => {
        const channel = this.store.get(`channel/${hook.channel_id}`)?.name ?? hook.channel_id;
        return { hook, channel, signature: JSON.stringify([hook, channel]) };
      }),
    );
  }

  #member(guild, member, user) {
    const roles = guild.roles.filter((role) => member.roles.includes(role.id)).sort((a, b) => b.position - a.position);
    const left = member.timed_out_until ? Date.parse(member.timed_out_until) / 1000 - this.store.now() : 0;
    const timeout = left > 0 ? span(left) : null;
    const isOwner = guild.owner_id === member.id;
    return {
      member,
      user,
      roles,
      timeout,
      isOwner,
      signature: JSON.stringify([member, user, roles, timeout, isOwner]),
    };
  }
}

export const badge = (name, id) =>
  el("span", { class: "badge", "aria-hidden": "true", vars: { "--hue": hueOf(id) } }, initials(name));

function memberRow({ member, user, roles, timeout, isOwner }) {
  const name = member.nick ?? user?.name ?? member.id;
  return el(
    "li",
    { class: "member", "data-member": member.id },
    badge(name, member.id),
    el(
      "div",
      { class: "member-text" },
      el(
        "p",
        { class: "member-name" },
        name,
        user?.is_bot && el("span", { class: "tag" }, "bot"),
        isOwner && el("span", { class: "tag" }, "owner"),
      ),
      el("p", { class: "member-aside" }, `@${user?.username ?? "?"} · ${member.id}`),
      timeout && el("p", { class: "timed-out" }, `timed out, ${timeout} left`),
      roles.length > 0 &&
        el(
          "ul",
          { class: "roles", "aria-label": "Roles" },
          roles.map((role) => el("li", { class: "role", vars: { "--role": roleColour(role) } }, role.name)),
        ),
    ),
  );
}

function banRow(ban) {
  return el(
    "li",
    { class: "member", "data-ban": ban.user.id },
    badge(ban.user.name, ban.user.id),
    el(
      "div",
      { class: "member-text" },
      el("p", { class: "member-name" }, ban.user.name),
      el("p", { class: "member-aside" }, ban.reason ? `“${ban.reason}”` : "no reason given"),
    ),
  );
}

function webhookRow({ hook, channel }) {
  return el(
    "li",
    { class: "member", "data-webhook": hook.id },
    badge(hook.name, hook.id),
    el(
      "div",
      { class: "member-text" },
      el("p", { class: "member-name" }, hook.name),
      el("p", { class: "member-aside" }, `#${channel} · ${hook.id}`),
    ),
  );
}
