// Unit tests of the pure parts of the dashboard: one case each, by name.

import { about, worst } from "/dashboard/findings.js";
import { delay } from "/dashboard/feed.js";
import { count, duration, number, perSecond } from "/dashboard/format.js";
import { append, rates } from "/dashboard/history.js";
import { isValid } from "/dashboard/secret.js";
import { EventParser } from "/dashboard/sse.js";
import { arrowOf, shortName } from "/dashboard/streams.js";
import { visible } from "/visible.js";

const AT = 1_795_333_128_000;

const queue = (key, more) => ({ key, kind: "queue", length: 0, added: 0, oldest_ms: null, pending: 0, consumers: 1, ...more });
const finding = (severity, type, name) => ({ severity, code: "x", about: { type, name }, summary: "", detail: "" });

/** The history after views a second apart. */
const after = (views) => views.reduce((history, view, index) => append(history, view, AT + index * 1_000), []);

const cases = {
  "the level is that of the worst finding": () => {
    same(worst([]), "ok");
    same(worst([finding("info", "service", "edge-1")]), "ok");
    same(worst([finding("info", "service", "edge-1"), finding("warning", "backend", "a")]), "warning");
    same(worst([finding("warning", "backend", "a"), finding("critical", "role", "edge")]), "critical");
  },
  "findings are selected by what they are about": () => {
    const all = [finding("warning", "backend", "a"), finding("critical", "stream", "a"), finding("critical", "backend", "b")];
    same(about(all, "backend", "a"), [all[0]]);
    same(about(all, "service", "a"), []);
  },
  "a rate is taken over the window, and not of a stream that was not there before": () => {
    const seen = (seconds, added, length) => ({ streams: [queue("sb:{proxies}", { added, length })], at: AT + seconds * 1_000 });
    const rate = (...views) => rates(after(views)).get("sb:{proxies}");
    same(rate(seen(0, 100, 0)), undefined);
    same(rate(seen(0, 100, 0), seen(2, 120, 4)), { in: 10, out: 8 });
    same(rate(seen(0, 100, 9), seen(2, 4, 0)), { in: 2, out: 2 });
    same(rate({ streams: [], at: AT }, seen(2, 100, 0)), { in: null, out: null });
    same(after(Array.from({ length: 60 }, (_, second) => seen(second, second * 3, 0))).length, 6);
  },
  "the key of a stream tells its arrow": () => {
    const services = [{ id: "kitchen", kind: "rest" }];
    const arrow = (kind, key) => arrowOf({ key, kind }, services);
    same(arrow("queue", "sb:{requests:1}"), "requests");
    same(arrow("queue", "sb:{proxies}"), "proxies");
    same(arrow("mailbox", "sb:{backend:edge-1}"), "backend");
    same(arrow("mailbox", "sb:{edge-1}"), "edge");
    same(arrow("mailbox", "sb:{kitchen}"), "proxies");
    same(arrow("log", "sb:dead"), null);
    same(shortName("sb:{backend:a:{b}\n}"), "backend:a:{b}\n");
  },
  "events are parsed from pieces of any size": () => {
    const text = ": hello\n\ndata: 1\r\n\r\nevent: problem\ndata: {\ndata:}\n\nid: 7\n\ndata: no end";
    const whole = [{ event: "message", data: "1" }, { event: "problem", data: "{\n}" }];
    same(new EventParser().push(text), whole);
    const parser = new EventParser();
    same([...text].flatMap((character) => parser.push(character)), whole);
  },
  "hidden characters are escaped as on the command line": () => {
    const hidden = ["\0", "\n", "\u{1b}", "\u{7f}", "\u{85}", "\u{9b}", "\u{a0}", "\u{ad}", "\u{34f}", "\u{61c}", "\u{115f}", "\u{180e}", "\u{200b}", "\u{200d}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{2067}", "\u{2800}", "\u{e000}", "\u{fe0f}", "\u{feff}", "\u{ffff}", "\u{e0041}", "\u{10fffd}"];
    for (const char of hidden) same(visible(`a${char}b`), `a\\u{${char.codePointAt(0).toString(16)}}b`);
    for (const text of ["alice", "Zoë", "e\u{301}", "Алиса", "أليس", "אליס", "อลิซ", "愛麗絲", "앨리스", "📞", "a b\\", ""]) same(visible(text), text);
  },
  "retries back off to a bound, with jitter": () => {
    same([0, 1, 2, 3, 9, 99].map((attempt) => delay(attempt, 1)), [500, 1_000, 2_000, 4_000, 15_000, 15_000]);
    same(delay(1, 0), 500);
  },
  "a secret is what a header can carry": () => {
    for (const valid of ["x", "hunter2", "two words"]) same(isValid(valid), true);
    for (const invalid of ["", " ", "x ", "ключ", "a\nb"]) same(isValid(invalid), false);
  },
  "numbers are formatted for readers": () => {
    same([3, 420, 12_345, 119_000, 120_000, 7_300_000, 200_000_000, null].map(duration), ["3 ms", "0.4 s", "12 s", "119 s", "2 min", "2 h", "2 days", "–"]);
    same([0, 0.44, 1, 9.94, 12.3, 1234, null].map(number), ["0", "0.4", "1", "9.9", "12", "1,234", "–"]);
    same([count(1, "call"), count(0, "call"), perSecond(0.5), perSecond(null)], ["1 call", "0 calls", "0.5/s", "–"]);
  },
};

function same(actual, expected) {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${one} is not ${other}`);
}

const failures = Object.entries(cases).flatMap(([name, run]) => {
  try {
    run();
    return [];
  } catch (error) {
    return [`${name}: ${error.message}`];
  }
});
document.getElementById("status").textContent = failures.join("\n") || `${Object.keys(cases).length} cases passed`;
document.body.dataset.state = failures.length ? "failed" : "passed";
