// The live page: takes rows, figures and health from the server and puts them where they belong, as text only.
"use strict";

(() => {
  const SILENT_MS = 16000; // three pulses of the server
  const HIDDEN_MS = 60000; // a hidden page gives its connection back; browsers allow six to one server
  const SPEAK_MS = 5000;

  const form = document.getElementById("filters");
  form.addEventListener("submit", () => {
    for (const select of form.querySelectorAll("select")) select.disabled = !select.value; // shorter addresses to share
  });
  addEventListener("pageshow", () => {
    for (const select of form.querySelectorAll("select")) select.disabled = false;
  });

  const list = document.getElementById("rows");
  if (!list.dataset.events || !window.EventSource) return;

  const limit = Number(list.dataset.limit);
  const blank = document.getElementById("row").content.firstElementChild;
  const empty = document.getElementById("empty");
  const link = document.getElementById("link");
  const pause = document.getElementById("pause");
  const spoken = document.getElementById("spoken");
  const known = new Map([...list.children].map((row) => [row.dataset.id, row]));

  let source = null;
  let cursor = "";
  let heard = 0;
  let told = 0;
  let paused = false;
  let waiting = new Map();

  const fill = (element, data) => {
    for (const slot of element.querySelectorAll("[data-f]")) {
      const text = String(data[slot.dataset.f] ?? "");
      if (slot.textContent !== text) slot.textContent = text;
    }
  };

  // ---- rows: newest first, as the server orders them --------------------------------------------------------------

  const before = (a, b) =>
    Number(a.last_time) !== Number(b.dataset.at) ? Number(a.last_time) > Number(b.dataset.at) : a.id > b.dataset.id;

  const show = (data) => {
    let row = known.get(data.id);
    const fresh = !row;
    if (row) row.remove();
    if (data.gone) {
      known.delete(data.id);
      return false;
    }
    if (fresh) row = blank.cloneNode(true);
    const next = [...list.children].find((other) => before(data, other));
    if (!next && list.children.length >= limit) {
      known.delete(data.id);
      return false;
    }
    row.dataset.id = data.id;
    row.dataset.at = data.last_time;
    row.dataset.severity = data.severity;
    row.dataset.state = data.state;
    row.querySelector("a").setAttribute("href", data.url);
    const at = row.querySelector("time");
    at.setAttribute("datetime", data.utc);
    at.title = data.utc;
    fill(row, data);
    row.classList.remove("fresh", "changed");
    list.insertBefore(row, next ?? null);
    row.classList.add(fresh ? "fresh" : "changed");
    known.set(data.id, row);
    while (list.children.length > limit) {
      known.delete(list.lastElementChild.dataset.id);
      list.lastElementChild.remove();
    }
    return fresh;
  };

  const speak = (data) => {
    if (Date.now() - told < SPEAK_MS) return;
    told = Date.now();
    spoken.textContent = spoken.dataset.new
      .replace("{severity}", data.severity_text)
      .replace("{what}", `${data.detector_text}, ${data.subject_text}`);
  };

  const take = (rows) => {
    for (const data of rows) if (show(data)) speak(data);
    empty.hidden = list.children.length > 0;
  };

  // ---- figures ----------------------------------------------------------------------------------------------------

  const figures = ({ tiles, chart, coverage }) => {
    for (const slot of document.querySelectorAll("[data-c]")) slot.textContent = coverage[slot.dataset.c];
    for (const tile of tiles) fill(document.querySelector(`.tile[data-severity="${tile.severity}"]`), tile);
    document.getElementById("chart-text").textContent = chart.text;
    const bars = document.querySelectorAll("#chart .bar");
    const ticks = document.querySelectorAll(".ticks span");
    chart.bars.forEach((bar, index) => {
      bars[index].querySelector("title").textContent = bar.title;
      ticks[index].textContent = bar.tick;
      bar.parts.forEach((part, place) => {
        const rect = bars[index].querySelectorAll("rect")[place];
        rect.setAttribute("y", part.y);
        rect.setAttribute("height", part.h);
      });
    });
  };

  // ---- health -----------------------------------------------------------------------------------------------------

  const panel = document.getElementById("health");

  const item = (status, parts) => {
    const line = document.createElement("li");
    line.dataset.status = status;
    for (const [tag, text, attributes] of parts) {
      const part = document.createElement(tag);
      part.textContent = text;
      for (const [name, value] of Object.entries(attributes ?? {})) part.setAttribute(name, value);
      line.append(part, " ");
    }
    return line;
  };

  const entries = (name, lines) => {
    const place = panel.querySelector(`[data-list="${name}"]`);
    const none = item("none", [["span", place.dataset.none]]);
    place.replaceChildren(...(lines.length ? lines : [none]));
  };

  const health = (data) => {
    panel.dataset.verdict = data.verdict;
    fill(panel, data);
    for (const fact of panel.querySelectorAll("[data-k]")) fact.dataset.ok = String(data[fact.dataset.k]);
    const grow = ["span", "", { class: "grow" }];
    entries(
      "sources",
      data.sources.map((s) =>
        item(s.status, [
          ["bdi", s.name],
          ["small", s.feed],
          grow,
          ["b", s.status_text],
          ["time", s.seen, { datetime: s.seen_utc, title: `${s.seen_local} (${s.seen_utc})` }],
        ]),
      ),
    );
    entries("degraded", data.degraded.map((d) => item("silent", [["b", d.name], grow, ["span", d.text]])));
    entries("dead", data.dead.map((d) => item("silent", [["bdi", d.name], grow, ["b", d.text]])));
  };

  // ---- the connection: what is not heard is not live --------------------------------------------------------------

  const say = () => {
    const alive = source && Date.now() - heard < SILENT_MS && source.readyState !== EventSource.CLOSED;
    const status = !alive ? "lost" : paused ? "paused" : "live";
    link.hidden = false;
    link.dataset.status = status;
    const text = link.dataset[status].replace("{n}", waiting.size);
    if (link.textContent !== text) link.textContent = text;
    document.body.classList.toggle("stale", !alive);
  };

  const on = (name, use) =>
    source.addEventListener(name, (message) => {
      heard = Date.now();
      if (message.lastEventId) cursor = message.lastEventId;
      use(JSON.parse(message.data));
      say();
    });

  const open = () => {
    const address = new URL(list.dataset.events, location.href);
    if (cursor) address.searchParams.set("after", cursor);
    source = new EventSource(address);
    heard = Date.now();
    on("rows", ({ rows }) => {
      if (!paused) take(rows);
      else for (const data of rows) waiting.set(data.id, data);
    });
    on("figures", figures);
    on("health", health);
    source.addEventListener("error", () => {
      heard = 0;
      say();
      if (source.readyState === EventSource.CLOSED) setTimeout(() => source?.readyState === EventSource.CLOSED && open(), 5000);
    });
    say();
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? pause.dataset.resume : pause.dataset.pause;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) {
      take(waiting.values());
      waiting = new Map();
    }
    say();
  });

  let leaving = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(leaving);
    if (document.hidden) {
      leaving = setTimeout(() => {
        source.close();
        source = null;
      }, HIDDEN_MS);
    } else if (!source) open();
  });

  setInterval(say, 1000);
  open();
})();
