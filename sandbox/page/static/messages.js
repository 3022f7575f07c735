// The messages of one channel, newest at the bottom, as far as they are kept.

import { KeyedList, el, spoken } from "./dom.js";
import { embedCard } from "./embeds.js";
import { rendered } from "./markdown.js";
import { CHANNEL_TYPES, Names, channelName } from "./names.js";
import { badge } from "./people.js";
import { exactTime, shortTime } from "./times.js";

const USER_JOINED = 7;
const NAME_CHANGED = 4;
const NEAR_PIXELS = 80;
const byId = (one, other) => (BigInt(one.id) < BigInt(other.id) ? -1 : 1);

export class Messages {
  #names = null;
  #channelId = null;
  #isFresh = false;
  #follows = true;

  constructor(store) {
    this.store = store;
    this.region = document.getElementById("messages-region");
    this.newest = document.getElementById("newest");
    this.list = new KeyedList(document.getElementById("messages"), {
      key: (message) => message.id,
      inputs: (message) => [message, this.#names.guild, this.store.get("users")],
      make: (message, wasThere) => this.#message(message, wasThere),
    });
    this.newest.addEventListener("click", () => this.#toTheEnd());
    this.region.addEventListener("scroll", () => this.#scrolled());
    new ResizeObserver(() => this.#follows && this.#toTheEnd()).observe(this.region);
  }

  /** Shows a channel; gives the messages that were not there before, so that somebody may announce them. */
  render(channelId) {
    const channel = this.store.get(`channel/${channelId}`);
    this.#names = new Names(this.store, channel?.guild_id);
    const isOther = channelId !== this.#channelId;
    const known = new Set(this.list.known.keys());
    const messages = this.store
      .all("message")
      .filter((each) => each.channel_id === channelId)
      .sort(byId);
    const added = messages.filter((message) => !known.has(message.id));
    if (isOther || known.size === 0) this.#follows = true;
    this.#isFresh = !isOther && known.size > 0;
    this.#channelId = channelId;
    this.#head(channelId, channel, messages);
    this.list.show(messages);
    if (this.#follows) this.#toTheEnd();
    else if (added.length) this.newest.hidden = false;
    return this.#isFresh ? added : [];
  }

  #head(channelId, channel, messages) {
    const name = channel ? channelName(this.store, channel) : `${channelId} does not exist`;
    const title = document.getElementById("channel-title");
    title.replaceChildren(
      el("span", { class: "sign", "aria-hidden": "true" }, CHANNEL_TYPES[channel?.type]?.sign ?? ""),
      name,
    );
    const shown =
      channel && channel.message_count > messages.length
        ? `the last ${messages.length} of ${channel.message_count}`
        : null;
    const aside = [channel?.topic, `id ${channelId}`, shown].filter(Boolean).join(" · ");
    document.getElementById("channel-topic").textContent = aside;
    document.getElementById("messages").dataset.empty =
      channel?.message_count === 0 ? "Nothing was said here yet." : "";
  }

  #message(message, wasThere) {
    const isNew = this.#isFresh && !wasThere;
    const attributes = { class: isNew ? "message is-new" : "message", "data-message": message.id };
    if (message.type === USER_JOINED || message.type === NAME_CHANGED) {
      return el("li", { ...attributes, class: "message is-notice" }, this.#notice(message), " ", this.#time(message));
    }
    const name = message.webhook_id
      ? message.author.name
      : (this.#names.user(message.author.id) ?? message.author.name);
    return el(
      "li",
      attributes,
      badge(name, message.author.id),
      el(
        "article",
        { class: "message-body" },
        message.answers && this.#answered(message.answers),
        this.#byline(message, name),
        message.content &&
          el("div", { class: "text" }, rendered(message.content, { names: this.#names, pings: message.pings })),
        message.embeds.map((embed) => embedCard(embed, this.#names)),
        message.has_components && el("p", { class: "picture" }, "components: not drawn here"),
        this.#pinged(message.pings),
        message.reactions.length > 0 &&
          el("ul", { class: "reactions", "aria-label": "Reactions" }, message.reactions.map(reaction)),
      ),
    );
  }

  #byline(message, name) {
    return el(
      "header",
      { class: "byline" },
      el("h3", { class: "author" }, name),
      message.webhook_id
        ? el("span", { class: "tag" }, "webhook")
        : message.author.is_bot && el("span", { class: "tag" }, "bot"),
      this.#time(message),
      message.edited_at && el("span", { class: "edited", title: exactTime(new Date(message.edited_at)) }, "(edited)"),
      el("span", { class: "message-id" }, message.id),
    );
  }

  #time(message) {
    const date = new Date(message.sent_at);
    return el("time", { datetime: message.sent_at, title: exactTime(date) }, shortTime(date, this.store.now()));
  }

  #notice(message) {
    const name = this.#names.user(message.author.id) ?? message.author.name;
    return message.type === USER_JOINED ? `${name} joined.` : `${name} renamed this to “${message.content}”.`;
  }

  #answered(answers) {
    const text = answers.author
      ? `${this.#names.user(answers.author.id) ?? answers.author.name}: ${answers.excerpt}`
      : "a deleted message";
    return el("p", { class: "answered" }, spoken("in answer to "), text);
  }

  #pinged({ users, roles, everyone }) {
    const names = [
      everyone && "everyone",
      ...roles.map((id) => `@${this.#names.role(id) ?? id}`),
      ...users.map((id) => this.#names.user(id) ?? id),
    ].filter(Boolean);
    return names.length > 0 && el("p", { class: "pings" }, `pings ${names.join(", ")}`);
  }

  // Whoever is at the end stays there as messages arrive and the room changes; whoever reads further up is left alone.
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.region;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_PIXELS;
    if (this.#follows) this.newest.hidden = true;
  }

  #toTheEnd() {
    this.region.scrollTop = this.region.scrollHeight;
    this.newest.hidden = true;
  }
}

function reaction(each) {
  const name = each.emoji_id ? `:${each.name}:` : each.name;
  return el(
    "li",
    { class: each.is_own ? "reaction is-own" : "reaction", title: each.is_own ? "the bot reacted too" : null },
    el("span", { class: "emoji" }, name),
    " ",
    String(each.count),
    each.is_own && spoken(", the bot among them"),
  );
}
