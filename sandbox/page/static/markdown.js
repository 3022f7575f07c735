// The part of Discord's markdown that messages commonly use, as DOM nodes.
//
// What is written here is an attacker's: it becomes text nodes in elements chosen by this file, never markup. An
// address is shown and not linked: nothing on this page leaves the machine, not even by a click.

import { el } from "./dom.js";
import { exactTime } from "./times.js";

const MAX_DEPTH = 6;

const MARKS = [
  [/\\([^\p{L}\p{N}\s])/uy, (found) => found[1]],
  [/```(?:[a-z0-9+#-]*\n)?([\s\S]+?)```/iy, (found) => el("pre", { class: "code-block" }, found[1].replace(/\n$/, ""))],
  [/``([^`]+)``|`([^`\n]+)`/y, (found) => el("code", {}, found[1] ?? found[2])],
  [/\*\*([\s\S]+?)\*\*(?!\*)/y, (found, inner) => el("strong", {}, inner(found[1]))],
  [/__([\s\S]+?)__(?!_)/y, (found, inner) => el("u", {}, inner(found[1]))],
  [/~~([\s\S]+?)~~/y, (found, inner) => el("s", {}, inner(found[1]))],
  [/\|\|([\s\S]+?)\|\|/y, (found, inner) => spoiler(inner(found[1]))],
  [/\*(?![\s*])([^*]+?)\*(?!\*)/y, (found, inner) => el("em", {}, inner(found[1]))],
  [/_(?![\s_])([^_]+?)_(?![\p{L}\p{N}_])/uy, (found, inner) => el("em", {}, inner(found[1]))],
  [/\[([^\]\n]{1,500})\]\(<?([^\s)>]{1,2048})>?\)/y, (found, inner) => [inner(found[1]), " ", address(found[2])]],
  [
    /<(https?:\/\/[^\s<>]{1,2048})>|(https?:\/\/[^\s<>]{1,2048}[^\s<>.,:;"')\]])/iy,
    (found) => address(found[1] ?? found[2]),
  ],
  [/<@!?(\d{1,20})>/y, (found, _, scene) => userMention(found[1], scene)],
  [/<@&(\d{1,20})>/y, (found, _, scene) => roleMention(found[1], scene)],
  [/<#(\d{1,20})>/y, (found, _, scene) => mention(`#${scene.names.channel(found[1]) ?? "unknown"}`, false, found[1])],
  [/@(everyone|here)\b/y, (found, _, scene) => mention(`@${found[1]}`, scene.pings.everyone, null)],
  [/<a?:(\w{2,32}):(\d{1,20})>/y, (found) => el("span", { class: "emoji", title: found[2] }, `:${found[1]}:`)],
  [/<t:(-?\d{1,13})(?::[tTdDfFR])?>/y, (found) => el("span", { class: "stamp" }, exactTime(new Date(found[1] * 1000)))],
];
const STARTS = /[\\`*_~|[<@h]/iy;
const BETWEEN = /[^\\`*_~|[<@h]+/iy;

/** The text as nodes. `scene`: `names` and who was really pinged (`pings`); embeds ping nobody. */
export function rendered(text, scene) {
  const fragment = document.createDocumentFragment();
  for (const block of blocks(text)) {
    if (typeof block === "string") fragment.append(inline(block, scene, 0));
    else fragment.append(el(block.tag, { class: block.class }, inline(block.text, scene, 0)));
  }
  return fragment;
}

// Quotes and headings take whole lines; a code block keeps its lines to itself.
function* blocks(text) {
  for (const piece of text.split(/(```[\s\S]+?```)/)) {
    if (piece.startsWith("```")) {
      yield piece;
      continue;
    }
    let plain = [];
    for (const { kind, lines } of runs(piece.split("\n"))) {
      if (kind === "plain") plain.push(...lines);
      else {
        if (plain.length) yield plain.join("\n");
        plain = [];
        yield { ...kind, text: lines.join("\n") };
      }
    }
    if (plain.length) yield plain.join("\n");
  }
}

const QUOTE = { tag: "blockquote", class: "quote" };
const HEADING = { tag: "p", class: "heading" };

function* runs(lines) {
  let quoted = [];
  for (const line of lines) {
    if (line.startsWith("> ")) {
      quoted.push(line.slice(2));
      continue;
    }
    if (quoted.length) yield { kind: QUOTE, lines: quoted };
    quoted = [];
    const heading = /^#{1,3} (.+)$/.exec(line);
    yield heading ? { kind: HEADING, lines: [heading[1]] } : { kind: "plain", lines: [line] };
  }
  if (quoted.length) yield { kind: QUOTE, lines: quoted };
}

function inline(text, scene, depth) {
  const fragment = document.createDocumentFragment();
  if (depth > MAX_DEPTH) {
    fragment.append(text);
    return fragment;
  }
  const inner = (part) => inline(part, scene, depth + 1);
  for (let at = 0; at < text.length;) {
    const [length, nodes] = mark(text, at, inner, scene) ?? plain(text, at);
    fragment.append(...[nodes].flat());
    at += length;
  }
  return fragment;
}

function mark(text, at, inner, scene) {
  if (!matched(STARTS, text, at)) return null;
  for (const [pattern, make] of MARKS) {
    const found = matched(pattern, text, at);
    if (found) return [found[0].length, make(found, inner, scene)];
  }
  return null;
}

function plain(text, at) {
  const found = matched(BETWEEN, text, at);
  return found ? [found[0].length, found[0]] : [1, text[at]];
}

function matched(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function userMention(id, scene) {
  return mention(`@${scene.names.user(id) ?? "unknown-user"}`, scene.pings.users.includes(id), id);
}

function roleMention(id, scene) {
  return mention(`@${scene.names.role(id) ?? "unknown-role"}`, scene.pings.roles.includes(id), id);
}

function mention(text, isPinged, id) {
  const title = `${id ? `${id}, ` : ""}${isPinged ? "pinged" : "named, not pinged"}`;
  return el("span", { class: isPinged ? "mention pinged" : "mention", title }, text);
}

/** An address, as text. */
export function address(url) {
  return el("span", { class: "address", title: "Shown, not linked: nothing here leaves this machine" }, url);
}

function spoiler(nodes) {
  const button = el("button", { type: "button", class: "spoiler", "aria-expanded": "false" });
  const hidden = el("span", { class: "spoiler-text", hidden: true }, nodes);
  const label = el("span", { class: "spoiler-label" }, "spoiler");
  button.append(label, hidden);
  button.addEventListener("click", () => {
    const isShown = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isShown));
    hidden.hidden = isShown;
    label.hidden = !isShown;
  });
  return button;
}
