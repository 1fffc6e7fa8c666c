"use strict";
(function () {
  const $ = (id) => document.getElementById(id);
  const POLL = 250, IDLE = 1500; // milliseconds
  const FIELDS = { content: "choose-content", style: "choose-style" };
  const QUESTION = ["kind", "row", "col", "colour", "term", "layer", "channel", "at"];
  const COLOURS = Array.from(document.querySelectorAll("#colours li"), (li) => li.dataset);
  let state = { phase: "empty", run: 0, version: -1 };
  let history = [], shown = "", asked = null, job = 0, cross = null, settingsOf = null;

  // ---- the server

  async function call(path, body, more) {
    const options = body === undefined ? {} : { method: "POST", body: body, ...more };
    let answer;
    try {
      answer = await fetch(path, options);
    } catch (error) {
      throw new Error("The server does not answer: has it been stopped?");
    }
    const data = await answer.json().catch(() => ({ error: "That is a fault of the program: the terminal shows which." }));
    if (!answer.ok || data.error) throw new Error(data.error || "The server has refused that.");
    return data;
  }
  const post = (path, data) => call(path, JSON.stringify(data));
  async function attempt(work) {
    try {
      const result = await work();
      say("trouble", "");
      return result;
    } catch (error) {
      say("trouble", error.message);
      return null;
    }
  }
  function say(id, text) {
    if ($(id).textContent !== text) $(id).textContent = text;
  }

  // ---- the run

  async function look() {
    const since = state.run ? history.length : 0;
    const next = await call("state?since=" + since);
    if (next.run !== state.run) {
      history = [];
      if (next.since) return look((state = { ...next, run: next.run, version: -1, history: [] }));
    }
    take(next);
  }
  function take(next) {
    const fresh = next.run !== state.run;
    if (fresh) history = [];
    if (next.history && next.since <= history.length) {
      history = history.slice(0, next.since).concat(next.history);
    }
    const changed = fresh || next.version !== state.version;
    state = next;
    if (changed || next.phase === "empty") repaint();
    show();
  }
  function show() {
    const phase = state.phase, busy = phase === "painting" || phase === "paused";
    $("start").disabled = busy;
    $("pause").disabled = !(busy || phase === "ready");
    $("pause").textContent = phase === "painting" ? "Pause" : "Go on";
    $("step").disabled = !(phase === "paused" || phase === "ready");
    $("stop").disabled = !busy;
    $("save").hidden = !(state.iteration > 0);
    $("save").href = "save";
    $("mode").hidden = state.styleLoss !== "neighbours";
    for (const role of ["content", "style"]) $("choose-" + role).disabled = busy;
    if (phase === "empty") return say("said", "Choose two pictures, and start.");
    const J = history.length ? "; J " + brief(history[history.length - 1].loss) : "";
    const left = phase === "painting" && state.secondsLeft ? "; at most " + time(state.secondsLeft) + " left" : "";
    const words = { ready: "ready", painting: "painting", paused: "paused", done: state.message, failed: state.message };
    say("said", "Iteration " + state.iteration + " of " + state.iterations + " at most, " + words[phase] + J + left);
    $("progress").value = phase === "done" ? 1 : state.iteration / Math.max(1, state.iterations);
  }
  function repaint() {
    const source = "picture/now?v=" + state.run + "." + (state.version || 0) + "." + names();
    if (source === shown) return;
    shown = source;
    const next = new Image();
    next.onload = () => { if (source === shown) $("now").src = source; };
    next.src = source;
    $("before").src = "picture/content?v=" + state.run + "." + names();
    for (const role of ["content", "style"]) {
      const thumb = "picture/" + role + "?v=" + state.run + "." + names();
      if ($("thumb-" + role).getAttribute("src") !== thumb) $("thumb-" + role).src = thumb;
      if (state.names) choice(role, state.names[role]);
    }
    draw();
  }
  const names = () => (state.names ? encodeURIComponent(state.names.content + "." + state.names.style) : "");
  function choice(role, name) {
    const select = $(FIELDS[role]);
    if (!Array.from(select.options).some((option) => option.value === name)) {
      const option = document.createElement("option");
      option.value = option.textContent = name;
      select.append(option);
    }
    select.value = name;
    $("thumb-" + role).alt = name;
  }
  function layers(id) {
    const text = $(id).value.trim();
    if (!text) return undefined;
    const found = {};
    for (const part of text.split(",").filter((each) => each.trim())) {
      const [name, value] = part.split("=");
      found[name.trim()] = value === undefined ? 1 : Number(value);
      if (Number.isNaN(found[name.trim()])) throw new Error("Write layers as relu3_1=0.5, relu4_2=1");
    }
    return found;
  }
  function settings() {
    const given = { strength: Number($("strength").value), size: Number($("size").value), style_loss: $("style-loss").value };
    if ($("iterations").value) given.iterations = Number($("iterations").value);
    if ($("tv").value) given.tv_weight = Number($("tv").value);
    const content = layers("content-layers"), style = layers("style-layers");
    if (content) given.content_layers = content;
    if (style) given.style_layers = style;
    return given;
  }
  async function start(until) {
    const given = settings();
    settingsOf = given;
    say("said", "The painting is measured …");
    take(await post("start", until === undefined ? given : { ...given, until: until }));
    forget();
    note();
  }
  async function order(action, more) {
    await attempt(async () => { take(await post("do", { action: action, ...more })); note(); });
  }
  async function loop() {
    try {
      await look();
      if ($("trouble").textContent.startsWith("The server does not")) say("trouble", "");
    } catch (error) {
      say("trouble", error.message);
    }
    setTimeout(loop, state.phase === "painting" ? POLL : IDLE);
  }

  // ---- the curve

  // SVG has no address: its name only looks like one, and nothing is fetched from there
  function svg(name, attributes, parent) {
    const made = document.createElementNS("http:" + "//www.w3.org/2000/svg", name);
    for (const key of Object.keys(attributes)) made.setAttribute(key, attributes[key]);
    if (parent) parent.append(made);
    return made;
  }
  function draw() {
    const curve = $("curve"), legend = $("legend");
    curve.replaceChildren();
    const terms = history.length ? Object.keys(history[history.length - 1].terms) : [];
    const series = [["J", history.map((each) => each.loss)]];
    for (const term of terms) series.push([term, history.map((each) => each.terms[term])]);
    const values = series.flatMap((each) => each[1]).filter((v) => v > 0);
    if (legend.dataset.terms !== terms.join()) {
      legend.dataset.terms = terms.join();
      legend.replaceChildren(...series.map(([name], i) => entry(name, i)));
    }
    if (!values.length) return;
    const top = Math.log10(Math.max(...values)), bottom = Math.max(Math.log10(Math.min(...values)), top - 8);
    const y = (v) => 12 + 200 * (top - Math.log10(v)) / Math.max(top - bottom, 1e-9);
    const x = (i) => 46 + 544 * (history.length < 2 ? 0.5 : i / (history.length - 1));
    for (let power = Math.ceil(bottom); power <= top; power += Math.max(1, Math.round((top - bottom) / 4))) {
      svg("line", { x1: 46, x2: 590, y1: y(10 ** power), y2: y(10 ** power), class: "axis" }, curve);
      svg("text", { x: 40, y: y(10 ** power) + 4, "text-anchor": "end" }, curve).textContent = "1e" + power;
    }
    svg("text", { x: 46, y: 234 }, curve).textContent = "1";
    svg("text", { x: 590, y: 234, "text-anchor": "end" }, curve).textContent = "iteration " + history.length;
    series.forEach(([, line], i) => {
      let path = "", on = false;
      line.forEach((v, k) => {
        if (!(v > 0) || Math.log10(v) < bottom) { on = false; return; }
        path += (on ? "L" : "M") + x(k).toFixed(1) + " " + y(v).toFixed(1);
        on = true;
      });
      if (line.length === 1 && path) path += "h1";
      svg("path", { d: path, ...pen(i) }, curve);
    });
  }
  function pen(i) {
    if (!i) return { class: "whole" };
    const own = COLOURS[(i - 1) % COLOURS.length];
    return { stroke: own.colour, "stroke-dasharray": own.dash };
  }
  function entry(name, i) {
    const made = document.createElement("span"), line = svg("svg", { viewBox: "0 0 28 10", "aria-hidden": "true" });
    svg("path", { d: "M0 5h28", "stroke-width": 3, ...pen(i), ...(i ? {} : { stroke: "currentColor" }) }, line);
    made.append(line, name);
    return made;
  }

  // ---- questions

  async function ask(question, keep) {
    asked = question;
    note();
    say("trouble", "");
    $("waiting").hidden = false;
    say("words", "…");
    $("part").value = 0;
    try {
      let answer = await post("ask", question);
      job = answer.job;
      while (answer.job === job && answer.answer === undefined && !answer.cancelled) {
        $("part").value = answer.part;
        say("words", answer.words);
        await new Promise((done) => setTimeout(done, 150));
        if (asked !== question) return;
        answer = await call("job/" + answer.job);
      }
      if (asked !== question) return;
      if (answer.answer) reply(answer.answer, keep);
    } catch (error) {
      if (asked === question) say("trouble", error.message);
    } finally {
      if (asked === question) $("waiting").hidden = true;
    }
    attempt(look);
  }
  let trail = [];
  function forget() {
    trail = [];
    asked = null;
    $("trail").replaceChildren();
    $("answer").replaceChildren(text("p", "Click a pixel of the picture. Asking pauses the painting.", "soft"));
  }
  function text(tag, words, name) {
    const made = document.createElement(tag);
    made.textContent = words;
    if (name) made.className = name;
    return made;
  }
  function button(words, question) {
    const made = text("button", words);
    made.type = "button";
    made.addEventListener("click", () => ask(question));
    return made;
  }
  function brief(v) {
    if (v === null || v === undefined) return "–";
    const far = v !== 0 && (Math.abs(v) >= 1e5 || Math.abs(v) < 1e-4);
    return (far ? v.toExponential(3) : Number(v.toPrecision(4)).toString()).replaceAll("-", "\u2212");
  }
  const time = (s) => (s < 90 ? Math.ceil(s) + " s" : Math.ceil(s / 60) + " min");
  function reply(answer) {
    const at = trail.findIndex((each) => same(each.question, answer.question));
    trail = at < 0 ? trail.concat([{ question: answer.question, title: answer.title }]) : trail.slice(0, at + 1);
    if (answer.question.kind === "pixel" || answer.question.kind === "stroke") trail = trail.slice(-1);
    $("trail").replaceChildren(...trail.slice(0, -1).map((each) => {
      const item = document.createElement("li");
      item.append(button(each.title, each.question));
      return item;
    }));
    const parts = [text("h3", answer.title)];
    if (answer.value !== null) parts.push(text("p", "The number: " + answer.value.toPrecision(10).replace("-", "\u2212") + " (after iteration " + answer.iteration + ")"));
    for (const words of answer.say) parts.push(text("p", words));
    if (answer.formula.length) {
      const box = document.createElement("div");
      box.className = "formula";
      box.append(...answer.formula.map((line) => text("p", line)));
      parts.push(box);
    }
    if (answer.pictures.length) parts.push(pictures(answer.pictures));
    for (const sum of answer.sums) parts.push(...table(sum));
    const links = document.createElement("div");
    links.className = "links";
    links.append(...answer.links.map((link) => button(link.name, link.ask)));
    parts.push(links, text("h4", "The lines that compute it"), ...answer.code.map(code));
    $("answer").replaceChildren(...parts);
    $("answer").dataset.kind = answer.question.kind;
    if (answer.question.row !== undefined) point(answer.question.row, answer.question.col);
    $("answer").focus({ preventScroll: window.innerWidth > 900 });
    note();
  }
  const same = (a, b) => QUESTION.every((key) => String(a[key]) === String(b[key]));
  function table(sum) {
    const made = document.createElement("table"), body = document.createElement("tbody");
    const largest = Math.max(...sum.parts.map((part) => Math.abs(part.value)), Math.abs(sum.rest), 1e-300);
    made.append(text("caption", ""), body);
    made.querySelector("caption").remove();
    for (const part of sum.parts) {
      const name = part.ask ? button(part.name, part.ask) : text("span", part.name);
      body.append(row(name, part.how, part.value, largest));
    }
    if (sum.others) body.append(row(text("span", "the rest (" + sum.others + ")"), "", sum.rest, largest));
    const total = sum.parts.reduce((whole, part) => whole + part.value, sum.rest);
    const error = Math.abs(total - sum.value) / (Math.abs(sum.value) || 1);
    const check = text("p", "Together " + brief(total) + "; the number is " + brief(sum.value) + ". They " +
      (error <= 1e-6 ? "agree: " : "DO NOT agree: ") + error.toExponential(0) + " apart, relatively.", "check" + (error <= 1e-6 ? "" : " wrong"));
    check.dataset.error = error;
    return [text("h4", sum.name[0].toUpperCase() + sum.name.slice(1)), made, check];
  }
  function row(name, how, value, largest) {
    const made = document.createElement("tr"), first = document.createElement("td"), bar = document.createElement("td");
    first.append(name);
    if (how) first.append(text("span", how, "how"));
    const side = value < 0 ? "below" : "above";
    bar.className = "bar";
    const drawn = svg("svg", { viewBox: "-50 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, bar);
    const width = 50 * Math.abs(value) / largest;
    svg("rect", { x: value < 0 ? -width : 0, y: 1, width: width, height: 8, class: side }, drawn);
    svg("line", { x1: 0, x2: 0, y1: 0, y2: 10 }, drawn);
    made.append(first, text("td", brief(value), "number " + side), bar);
    return made;
  }
  function pictures(list) {
    const made = document.createElement("div");
    made.className = "pictures";
    for (const each of list) {
      const figure = document.createElement("figure"), image = document.createElement("img");
      image.src = each.uri;
      image.alt = each.name;
      if (each.pixels) image.classList.add("pixels");
      if (each.ask) {
        image.classList.add("asks");
        image.addEventListener("click", (event) => {
          const [i, j] = spot(event, image, each.grid);
          ask({ ...each.ask, at: [each.start[0] + i, each.start[1] + j] });
        });
      }
      figure.append(image, text("figcaption", each.name));
      made.append(figure);
    }
    return made;
  }
  function spot(event, element, grid) {
    const box = element.getBoundingClientRect();
    const i = Math.floor((event.clientY - box.top) / box.height * grid[0]);
    const j = Math.floor((event.clientX - box.left) / box.width * grid[1]);
    return [Math.min(Math.max(i, 0), grid[0] - 1), Math.min(Math.max(j, 0), grid[1] - 1)];
  }
  function code(source) {
    const made = document.createElement("details"), lines = document.createElement("pre");
    made.append(text("summary", source.name + " in " + source.file + ", line " + source.line));
    for (const [number, line] of source.lines) {
      lines.append(text("span", String(number).padStart(4) + "  ", "line"), line + "\n");
    }
    lines.tabIndex = 0;
    made.append(lines);
    return made;
  }

  // ---- the picture

  function point(rowNumber, colNumber) {
    if (!state.height) return;
    cross = [Math.min(Math.max(rowNumber, 0), state.height - 1), Math.min(Math.max(colNumber, 0), state.width - 1)];
    const x = 100 * (cross[1] + 0.5) / state.width, y = 100 * (cross[0] + 0.5) / state.height;
    const shape = "M" + (x - 4) + " " + y + "h3m2 0h3M" + x + " " + (y - 4) + "v3m0 2v3";
    $("cross").setAttribute("preserveAspectRatio", "none");
    for (const path of $("cross").querySelectorAll("path")) path.setAttribute("d", shape);
    $("cross").removeAttribute("hidden");
    say("where", "Row " + cross[0] + ", column " + cross[1] + ". Enter asks; arrow keys move.");
  }
  function askHere() {
    if (!state.height) return say("trouble", "There is no run yet: press Start.");
    const mode = document.querySelector("input[name=mode]:checked").value;
    const question = mode === "stroke" && state.styleLoss === "neighbours"
      ? { kind: "stroke", row: cross[0], col: cross[1] }
      : { kind: "pixel", row: cross[0], col: cross[1], colour: asked && asked.colour ? asked.colour : "red" };
    ask(question);
  }
  $("picture").addEventListener("click", (event) => {
    if (!state.height) return say("trouble", "There is no run yet: press Start.");
    point(...spot(event, $("now"), [state.height, state.width]));
    askHere();
  });
  $("picture").addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 1;
    const moves = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] };
    if (!state.height || !(event.key in moves || event.key === "Enter" || event.key === " ")) return;
    event.preventDefault();
    const here = cross || [state.height >> 1, state.width >> 1];
    if (event.key in moves) point(here[0] + moves[event.key][0], here[1] + moves[event.key][1]);
    else { point(...here); askHere(); }
  });
  $("slider").addEventListener("input", () => {
    const share = Number($("slider").value);
    $("before").hidden = share === 0;
    $("before").style.clipPath = "inset(0 " + (100 - share) + "% 0 0)";
  });

  // ---- the address holds what is asked, and of which picture

  function note() {
    const kept = new URLSearchParams();
    if (state.names) { kept.set("content", state.names.content); kept.set("style", state.names.style); }
    const given = settingsOf || {};
    for (const key of ["size", "style_loss", "iterations", "tv_weight"]) if (given[key] !== undefined) kept.set(key, given[key]);
    for (const key of ["content_layers", "style_layers"]) if (given[key]) kept.set(key, Object.entries(given[key]).map((pair) => pair.join("=")).join(","));
    if (state.changes) kept.set("strength", state.changes.map(([at, value]) => (at ? at + ":" : "") + value).join(","));
    if (asked && state.iteration !== undefined) {
      kept.set("steps", state.iteration);
      for (const key of QUESTION) if (asked[key] !== undefined) kept.set(key, String(asked[key]));
    }
    const fragment = "#" + kept.toString();
    if (location.hash !== fragment) window.history.replaceState(null, "", fragment);
  }
  function linked() {
    const kept = new URLSearchParams(location.hash.slice(1));
    if (!kept.has("content")) return null;
    const question = {};
    for (const key of QUESTION) {
      if (!kept.has(key)) continue;
      const value = kept.get(key);
      question[key] = key === "at" ? value.split(",").map(Number) : ["row", "col", "channel"].includes(key) ? Number(value) : value;
    }
    const changes = (kept.get("strength") || "50").split(",").map((each) => (each.includes(":") ? each : "0:" + each).split(":").map(Number));
    return { kept: kept, changes: changes, steps: Number(kept.get("steps") || 0), question: question.kind ? question : null };
  }
  async function open(link) {
    const kept = link.kept;
    for (const role of ["content", "style"]) {
      if (state.names[role] !== kept.get(role)) take(await post("choose", { role: role, name: kept.get(role) }));
    }
    $("strength").value = link.changes[0][1];
    say("strength-said", $("strength").value);
    for (const [key, id] of [["size", "size"], ["style_loss", "style-loss"], ["iterations", "iterations"], ["tv_weight", "tv"], ["content_layers", "content-layers"], ["style_layers", "style-layers"]]) {
      if (kept.has(key)) $(id).value = kept.get(key);
    }
    if (!link.question) return;
    const stops = link.changes.slice(1);
    await start(stops.length ? stops[0][0] : link.steps);
    await settled();
    for (let i = 0; i < stops.length; i++) {
      take(await post("do", { action: "strength", value: stops[i][1] }));
      take(await post("do", { action: "go", until: i + 1 < stops.length ? stops[i + 1][0] : link.steps }));
      await settled();
    }
    await ask(link.question);
  }
  async function settled() {
    do {
      await new Promise((done) => setTimeout(done, POLL));
      await look();
    } while (state.phase === "painting");
  }
  function opens() {
    const link = linked();
    if (!link) return;
    const here = state.run && state.names.content === link.kept.get("content") && state.iteration === link.steps;
    if (link.question && here) return attempt(() => ask(link.question));
    if (state.phase === "painting" || state.phase === "paused") return;
    return attempt(() => open(link));
  }

  // ---- what is pressed

  $("settings").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => start());
  });
  $("pause").addEventListener("click", () => order(state.phase === "painting" ? "pause" : "go"));
  $("step").addEventListener("click", () => order("step"));
  $("stop").addEventListener("click", () => order("stop"));
  $("cancel").addEventListener("click", () => attempt(async () => {
    const number = job;
    asked = null;
    $("waiting").hidden = true;
    await post("cancel/" + number, {});
  }));
  $("strength").addEventListener("input", () => say("strength-said", $("strength").value));
  $("strength").addEventListener("change", () => {
    if (["painting", "paused", "ready"].includes(state.phase)) order("strength", { value: Number($("strength").value) });
  });
  for (const role of ["content", "style"]) {
    $(FIELDS[role]).addEventListener("change", () => attempt(async () => {
      take(await post("choose", { role: role, name: $(FIELDS[role]).value }));
      note();
    }));
    const send = (file) => attempt(async () => {
      take(await call("drop/" + role, file, { headers: { "x-name": encodeURIComponent(file.name) } }));
    });
    $("file-" + role).addEventListener("change", (event) => { if (event.target.files[0]) send(event.target.files[0]); });
    const zone = $("drop-" + role);
    zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
    });
  }
  $("copy").addEventListener("click", () => {
    note();
    navigator.clipboard.writeText(location.hash.slice(1)).then(
      () => say("copied", "Copied: open it with nst live --open, or put it behind # in the address."),
      () => say("copied", "It is the part behind # in the address.")
    );
  });
  window.addEventListener("hashchange", opens);
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => event.preventDefault());

  attempt(async () => { await look(); await opens(); }).then(loop);
})();
