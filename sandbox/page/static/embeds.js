// An embed's card. Its pictures are named, never fetched.

import { el } from "./dom.js";
import { address, rendered } from "./markdown.js";
import { exactTime } from "./times.js";

const NO_PINGS = { users: [], roles: [], everyone: false };

export function embedCard(embed, names) {
  const scene = { names, pings: NO_PINGS };
  const colour = Number.isInteger(embed.color) ? `#${embed.color.toString(16).padStart(6, "0")}` : "var(--line-strong)";
  return el(
    "article",
    { class: "embed", "aria-label": "Embed", vars: { "--embed": colour } },
    embed.author?.name && line("embed-author", embed.author.name, embed.author.url),
    embed.title && el("h4", { class: "embed-title" }, rendered(embed.title, scene)),
    embed.url && el("p", { class: "embed-address" }, address(embed.url)),
    embed.description && el("div", { class: "embed-description text" }, rendered(embed.description, scene)),
    embed.fields?.length > 0 &&
      el(
        "dl",
        { class: "embed-fields" },
        embed.fields.map((field) => fieldOf(field, scene)),
      ),
    embed.author?.icon_url && picture("author icon", embed.author.icon_url),
    embed.thumbnail?.url && picture("thumbnail", embed.thumbnail.url),
    embed.image?.url && picture("image", embed.image.url),
    embed.footer?.icon_url && picture("footer icon", embed.footer.icon_url),
    footer(embed),
  );
}

function fieldOf(field, scene) {
  return el(
    "div",
    { class: field.inline ? "embed-field inline" : "embed-field" },
    el("dt", {}, rendered(String(field.name ?? ""), scene)),
    el("dd", { class: "text" }, rendered(String(field.value ?? ""), scene)),
  );
}

function line(className, text, url) {
  return el("p", { class: className }, text, url && [" ", address(url)]);
}

function picture(kind, url) {
  return el("p", { class: "picture" }, el("span", { class: "picture-kind" }, kind), address(url));
}

function footer(embed) {
  const stamp = embed.timestamp ? exactTime(new Date(embed.timestamp)) : null;
  const text = [embed.footer?.text, stamp].filter(Boolean).join(" · ");
  return text && el("p", { class: "embed-footer" }, text);
}
