(function () {
  var net = makeNet(data), layers = net.layers, first = net.image.slice();
  var SHOWN = 3; // channels whose nine products are written out; the others are one sum
  var at = { layer: 3, row: 0, col: 0, channel: 0 };
  strongest();
  var pointed = null; // where the pointer is; `at` is what was chosen

  function strongest() {
    var layer = layers[at.layer], best = 0;
    for (var n = 0; n < layer.a.length; n += layer.channels) { if (layer.a[n] > layer.a[best]) { best = n; } }
    at.row = Math.floor(best / layer.channels / layer.width);
    at.col = best / layer.channels % layer.width;
  }
  function find(id) { return document.getElementById(id); }
  function make(name, parent, text, kind) {
    var made = document.createElement(name);
    if (text !== undefined) { made.textContent = text; }
    if (kind) { made.className = kind; }
    parent.appendChild(made);
    return made;
  }
  function emptied(id) {
    var found = find(id);
    found.textContent = "";
    return found;
  }
  function short(value) {
    if (value === 0) { return "0"; }
    var size = Math.abs(value);
    if (size < 1e5 && size >= 1e-3) { return String(+value.toPrecision(4)).replace("-", "−"); }
    var parts = value.toExponential(2).split("e"), power = String(Number(parts[1]));
    return parts[0].replace("-", "−") + " · 10" + power.replace(/./g, function (sign) { return "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]; });
  }
  // The same in six letters, if it can be: for the cells of a kernel.
  function shortest(value) {
    if (value !== 0 && Math.abs(value) < 0.0005) { return "≈ 0"; }
    var texts = [4, 3, 2, 1].map(function (digits) { return String(+value.toPrecision(digits)).replace("-", "−"); });
    return texts.find(function (text) { return text.length <= 6; }) || texts[3];
  }
  // A number as it is read, and exactly.
  function number(parent, value, name, text) {
    var made = make("data", parent, text || short(value));
    made.value = String(value);
    if (name) { made.dataset.name = name; }
    return made;
  }
  function sentence(parent, parts, kind) {
    var made = make("p", parent, "", kind);
    parts.forEach(function (part) {
      if (typeof part === "string") { made.appendChild(document.createTextNode(part)); } else { number(made, part[0], part[1], part[2]); }
    });
    return made;
  }
  function nameOf(place) {
    return layers[place.layer].name + "[" + place.row + ", " + place.col + ", " + place.channel + "]";
  }
  function valueAt(place, kind) {
    var layer = layers[place.layer];
    return layer[kind][indexOf(layer, place.row, place.col, place.channel)];
  }

  // The two maps: values, and gradients. 0 is white, orange above and blue below it.
  function draw(id, kind) {
    var layer = layers[at.layer], canvas = find(id), context = canvas.getContext("2d");
    var picture = new ImageData(layer.width, layer.height), most = 0, n, k;
    for (n = at.channel; n < layer.a.length; n += layer.channels) { most = Math.max(most, Math.abs(layer[kind][n])); }
    for (n = 0; n < layer.width * layer.height; n++) {
      var value = layer[kind][n * layer.channels + at.channel] / (most || 1), share = Math.sqrt(Math.abs(value));
      var end = value > 0 ? [213, 94, 0] : [0, 114, 178];
      for (k = 0; k < 3; k++) {
        var shade = 255 + share * (end[k] - 255);
        picture.data[4 * n + k] = at.layer === 0 && kind === "a" ? net.image[3 * n + k] : shade;
      }
      picture.data[4 * n + 3] = 255;
    }
    canvas.width = layer.width;
    canvas.height = layer.height;
    context.putImageData(picture, 0, 0);
    find(id + "-most").textContent = at.layer === 0 && kind === "a" ? "the picture itself" : "−" + short(most) + " blue, 0 white, " + short(most) + " orange";
  }
  function mark(place) {
    var layer = layers[place.layer];
    ["values", "gradients"].forEach(function (id) {
      var style = find(id).parentNode.querySelector(".mark").style;
      style.left = 100 * place.col / layer.width + "%";
      style.top = 100 * place.row / layer.height + "%";
      style.width = 100 / layer.width + "%";
      style.height = 100 / layer.height + "%";
    });
  }

  // Three by three numbers of a layer, each a button that leads there.
  function grid(parent, title, cells, layer, channel, kind, called) {
    var box = make("div", parent, "", "nine"), table = make("div", box, "", "cells");
    make("span", box, title, "soft");
    cells.forEach(function (cell) {
      var leads = layer !== null && cell.row !== undefined, outside = layer !== null && !leads;
      var made = make(leads ? "button" : "span", table, "", outside ? "cell outside" : "cell");
      number(made, cell.value, called, shortest(cell.value));
      if (!leads) { return; }
      var place = { layer: layer, row: cell.row, col: cell.col, channel: channel };
      made.type = "button";
      made.setAttribute("aria-label", nameOf(place) + ": " + short(cell.value));
      made.addEventListener("click", function () { choose(place, kind); });
    });
  }
  function group(parent, found, layer, kind, words) {
    var part = make("section", parent, "", "group"), line = make("h4", part, words + found.channel + ": ");
    number(line, found.sum, kind + "-sum");
    var grids = make("div", part, "", "grids");
    ["number", "weight", "product"].forEach(function (what, i) {
      var title = [layers[layer].name, kind === "up" ? "kernel" : "kernel, turned", "products"][i];
      var cells = found.taps.map(function (tap) { return { row: tap.row, col: tap.col, value: tap[what] }; });
      grid(grids, kind === "down" && i === 0 ? "∂J/∂" + title : title, cells, i ? null : layer, found.channel, kind, kind + "-" + what + "-" + found.channel);
    });
  }
  // The sum of all channels: the strongest written out, and the rest.
  function sum(parent, found, layer, kind, bias, total) {
    var sorted = found.slice().sort(function (one, other) { return Math.abs(other.sum) - Math.abs(one.sum); });
    var best = sorted.slice(0, SHOWN), rest = sorted.slice(SHOWN), parts = [], added = bias || 0;
    var restSum = rest.reduce(function (all, one) { return all + one.sum; }, 0);
    function add(value, words, name) {
      parts.push(value < 0 ? " − " : parts.length ? " + " : "", [value, name, short(Math.abs(value))], " (" + words + ")");
    }
    if (bias !== null) { add(bias, "bias", "bias"); }
    best.forEach(function (one) {
      add(one.sum, "channel " + one.channel, kind + "-best");
      added += one.sum;
    });
    if (rest.length) { add(restSum, "the other " + rest.length, kind + "-rest"); }
    added += restSum;
    parts.push(" = ", [added, kind + "-added"]);
    sentence(parent, parts, "sum");
    var off = Math.abs(added - total) / (Math.abs(total) || 1);
    make("p", parent, off < 1e-4 ? "The parts add up to the number above." : "Rounding: the parts differ from the number above by " + short(added - total) + ".", "soft");
    var words = kind === "up" ? "Channel below " : "Channel above ";
    var box = make("div", parent, "", "groups");
    best.forEach(function (one) { group(box, one, layer, kind, words); });
  }

  function explainUp(place) {
    var box = emptied("up"), layer = layers[place.layer], below = layers[place.layer - 1], name = nameOf(place);
    sentence(box, [name + " = ", [valueAt(place, "a"), "value"]], "formula");
    if (layer.kind === "input") {
      var rgb = 3 * (place.row * layer.width + place.col) + 2 - place.channel, colour = ["blue", "green", "red"][place.channel];
      sentence(box, ["= " + colour + " − mean = " + net.image[rgb] + " − " + net.means[place.channel]]);
    } else if (layer.kind === "conv") {
      make("p", box, "= b + Σ x · w, over 3×3 places of " + below.channels + " channels of " + below.name + ". Outside the picture x is 0.");
      sum(box, termsUp(net, place.layer, place.row, place.col, place.channel), place.layer - 1, "up", layer.b[place.channel], valueAt(place, "a"));
    } else if (layer.kind === "relu") {
      sentence(box, ["= max(0, ", [below.a[indexOf(below, place.row, place.col, place.channel)]], ") of " + below.name + " at the same place"]);
      go(box, place, -1, "up");
    } else {
      four(box, place);
    }
  }
  function four(box, place) {
    var layer = layers[place.layer], below = layers[place.layer - 1];
    make("p", box, layer.kind === "avgpool" ? "= the sum of these four, divided by 4" : "= the largest of these four");
    grid(box, below.name, window2(below, place.row, place.col, place.channel).map(function (n) {
      var spot = Math.floor(n / below.channels);
      return { row: Math.floor(spot / below.width), col: spot % below.width, value: below.a[n] };
    }), place.layer - 1, place.channel, "up");
    box.lastChild.classList.add("two");
  }
  // A button that leads to the same number one layer below or above.
  function go(box, place, step, kind, row, col) {
    var next = { layer: place.layer + step, row: row === undefined ? place.row : row, col: col === undefined ? place.col : col, channel: place.channel };
    var button = make("button", box, "go to " + nameOf(next));
    button.type = "button";
    button.addEventListener("click", function () { choose(next, kind); });
  }

  function explainDown(place) {
    var box = emptied("down"), above = layers[place.layer + 1], name = nameOf(place), ask = net.ask;
    var top = ask.kind === "number" ? ask.layer : layers.length - 1;
    sentence(box, ["∂J/∂" + name + " = ", [valueAt(place, "g"), "gradient"]], "formula");
    if (place.layer > top) {
      make("p", box, "J is a number below this layer. It does not depend on what is here.");
    } else if (place.layer === top) {
      var last = [[valueAt(place, "a")], ask.kind === "content" ? " − " + short(net.first[indexOf(layers[top], place.row, place.col, place.channel)]) + ", the number itself minus what it was at first" : ", the number itself: J is half the sum of the squares"];
      if (ask.kind === "number") { make("p", box, "1 where the number is that J is, 0 elsewhere."); } else { sentence(box, ["= "].concat(last)); }
    } else if (above.kind === "conv") {
      make("p", box, "= Σ ∂J/∂out · w, over 3×3 places of " + above.channels + " channels of " + above.name + ". The kernel is turned by half a circle: a number that went into the output on its left did so by the kernel's right column.");
      sum(box, termsDown(net, place.layer, place.row, place.col, place.channel), place.layer + 1, "down", null, valueAt(place, "g"));
    } else if (above.kind === "relu") {
      sentence(box, [valueAt(place, "a") > 0 ? "= the gradient above, for the number is above 0: " : "= 0, for the number is not above 0. Above it is ", [valueAt({ layer: place.layer + 1, row: place.row, col: place.col, channel: place.channel }, "g")]]);
      go(box, place, 1, "down");
    } else {
      pooled(box, place, above);
    }
  }
  function pooled(box, place, above) {
    var n = above2(above, place.row, place.col, place.channel);
    if (n < 0) {
      make("p", box, "= 0: the last row or column is in no window of the pool.");
      return;
    }
    sentence(box, above.kind === "avgpool" ? ["= ", [above.g[n]], " / 4: the mean of four gives each a quarter"] : ["= ", [above.g[n]], " if this number is the largest of its four, else 0"]);
    go(box, place, 1, "down", place.row >> 1, place.col >> 1);
  }

  function explain(place) {
    find("said").textContent = nameOf(place) + " is " + short(valueAt(place, "a")) + "; ∂J/∂ of it is " + short(valueAt(place, "g")) + ".";
    mark(place);
    explainUp(place);
    explainDown(place);
  }
  function costs() {
    var words = { energy: "½ Σ a² of " + layers[layers.length - 1].name, content: "½ Σ (a − a at first)² of " + layers[layers.length - 1].name };
    var chosen = net.ask.kind === "number" ? nameOf(net.ask) : words[net.ask.kind];
    var line = emptied("cost");
    line.appendChild(document.createTextNode("J = " + chosen + " = "));
    number(line, costOf(net), "J");
  }

  // The pixel below the chosen number.
  function pixel() {
    var scale = layers[0].width / layers[at.layer].width;
    return { row: Math.min(Math.round(at.row * scale), layers[0].height - 1), col: Math.min(Math.round(at.col * scale), layers[0].width - 1) };
  }
  function showAll() {
    var layer = layers[at.layer], spot = pixel();
    document.querySelectorAll("#layers button").forEach(function (button, i) { button.setAttribute("aria-pressed", String(i === at.layer)); });
    find("channel").max = layer.channels - 1;
    find("channel").value = at.channel;
    find("channel-of").textContent = "Channel, 0 to " + (layer.channels - 1);
    find("ask").value = net.ask.kind;
    find("pixel").textContent = "The pixel in row " + spot.row + ", column " + spot.col;
    ["red", "green", "blue"].forEach(function (id, k) {
      find(id).value = net.image[3 * (spot.row * layers[0].width + spot.col) + k];
      find(id + "-is").textContent = find(id).value;
    });
    draw("values", "a");
    draw("gradients", "g");
    costs();
    explain(at);
    write();
  }
  function choose(place, kind) {
    at = place;
    pointed = null;
    showAll();
    if (kind) { find(kind).focus({ preventScroll: true }); }
  }

  // The address holds what is chosen, so that it can be sent on.
  function write() {
    var parts = ["layer=" + layers[at.layer].name, "row=" + at.row, "col=" + at.col, "channel=" + at.channel, "ask=" + net.ask.kind];
    if (net.ask.kind === "number") { parts[4] += "." + [layers[net.ask.layer].name, net.ask.row, net.ask.col, net.ask.channel].join("."); }
    var changed = [];
    for (var n = 0; n < first.length; n += 3) {
      var now = net.image.slice(n, n + 3);
      if (now.some(function (value, k) { return value !== first[n + k]; })) { changed.push([n / 3].concat(Array.from(now)).join(".")); }
    }
    if (changed.length) { parts.push("pixels=" + changed.join(",")); }
    try { history.replaceState(null, "", "#" + parts.join("&")); } catch (error) { /* a page inside a page has no address */ }
  }
  function within(text, count) {
    var value = Number(text);
    return Number.isInteger(value) && value >= 0 && value < count ? value : 0;
  }
  function placeOf(name, row, col, channel) {
    var i = Math.max(layers.findIndex(function (layer) { return layer.name === name; }), 0), layer = layers[i];
    return { layer: i, row: within(row, layer.height), col: within(col, layer.width), channel: within(channel, layer.channels) };
  }
  function asked(place) {
    return { kind: "number", layer: place.layer, row: place.row, col: place.col, channel: place.channel, index: indexOf(layers[place.layer], place.row, place.col, place.channel) };
  }
  function read() {
    var given = new URLSearchParams(location.hash.slice(1)), ask = (given.get("ask") || "").split(".");
    if (given.has("layer")) { at = placeOf(given.get("layer"), given.get("row"), given.get("col"), given.get("channel")); }
    if (ask[0] === "number") { askFor(net, asked(placeOf(ask[1], ask[2], ask[3], ask[4]))); }
    if (ask[0] === "content") { askFor(net, { kind: "content" }); }
    (given.get("pixels") || "").split(",").slice(0, 4096).forEach(function (text) {
      var parts = text.split(".").map(Number), place = within(parts[0], first.length / 3);
      if (parts.length === 4) { changePixel(net, Math.floor(place / layers[0].width), place % layers[0].width, parts.slice(1).map(function (value) { return within(value, 256); })); }
    });
  }

  function listen(canvas) {
    function place(event) {
      var box = canvas.getBoundingClientRect(), layer = layers[at.layer];
      var row = Math.floor((event.clientY - box.top) / box.height * layer.height), col = Math.floor((event.clientX - box.left) / box.width * layer.width);
      return { layer: at.layer, row: Math.min(Math.max(row, 0), layer.height - 1), col: Math.min(Math.max(col, 0), layer.width - 1), channel: at.channel };
    }
    canvas.addEventListener("pointermove", function (event) {
      var here = place(event);
      if (event.pointerType === "mouse" && (!pointed || nameOf(here) !== nameOf(pointed))) { explain(pointed = here); }
    });
    canvas.addEventListener("pointerleave", function () {
      if (pointed) { explain(at); }
      pointed = null;
    });
    canvas.addEventListener("click", function (event) { choose(place(event)); });
    canvas.addEventListener("keydown", function (event) {
      var step = event.shiftKey ? 8 : 1, layer = layers[at.layer];
      var move = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] }[event.key];
      if (!move) { return; }
      event.preventDefault();
      choose({
        layer: at.layer, row: Math.min(Math.max(at.row + move[0], 0), layer.height - 1),
        col: Math.min(Math.max(at.col + move[1], 0), layer.width - 1), channel: at.channel
      });
    });
  }
  function change() {
    var spot = pixel();
    changePixel(net, spot.row, spot.col, ["red", "green", "blue"].map(function (id) { return Number(find(id).value); }));
    showAll();
  }
  function moved(i) {
    var from = layers[at.layer], to = layers[i], scale = to.width / from.width;
    choose({
      layer: i, row: Math.min(Math.floor(at.row * scale), to.height - 1),
      col: Math.min(Math.floor(at.col * scale), to.width - 1), channel: Math.min(at.channel, to.channels - 1)
    });
  }

  layers.forEach(function (layer, i) {
    var button = make("button", find("layers"), layer.name);
    button.type = "button";
    button.addEventListener("click", function () { moved(i); });
  });
  ["values", "gradients"].forEach(function (id) { listen(find(id)); });
  ["red", "green", "blue"].forEach(function (id) { find(id).addEventListener("input", change); });
  find("undo").addEventListener("click", function () {
    net.image.set(first);
    for (var n = 0; n < first.length / 3; n++) { readPixel(net, n); }
    forward(net, whole(layers[0]));
    askFor(net, net.ask);
    showAll();
  });
  find("channel").addEventListener("input", function () {
    at.channel = within(find("channel").value, layers[at.layer].channels);
    showAll();
  });
  find("ask").addEventListener("change", function () {
    var kind = find("ask").value;
    askFor(net, kind === "number" ? asked(at) : { kind: kind });
    showAll();
  });
  window.addEventListener("hashchange", function () { location.reload(); });
  read();
  showAll();
})();
