(function () {
  var map = {{ data|tojson }};
  var pair = document.getElementById("pair"), over = document.getElementById("over");
  var result = document.getElementById("result"), painting = document.getElementById("painting");
  var said = document.getElementById("said"), arrows = document.getElementById("arrows");
  var rows = map.grid[0], cols = map.grid[1], styleCols = map.styleGrid[1], styleRows = map.styleGrid[0];
  var chosen = null, held = false;
  function element(name, group, attributes) {
    var made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    group.appendChild(made);
    return made;
  }
  function spot(stage, row, col, height, width) {
    var outer = pair.getBoundingClientRect(), box = stage.getBoundingClientRect();
    return {
      x: box.left - outer.left + (col + 0.5) * box.width / width,
      y: box.top - outer.top + (row + 0.5) * box.height / height,
      w: Math.max(box.width / width, 8), h: Math.max(box.height / height, 8)
    };
  }
  function ends(place) {
    var there = map.places[place];
    return [
      spot(result, Math.floor(place / cols), place % cols, rows, cols),
      spot(painting, Math.floor(there / styleCols), there % styleCols, styleRows, styleCols)
    ];
  }
  function arrow(group, from, to, opacity) {
    element("line", group, { x1: from.x, y1: from.y, x2: to.x, y2: to.y, "marker-end": "url(#head)", opacity: opacity });
  }
  function draw() {
    while (over.lastChild.nodeName === "g") { over.removeChild(over.lastChild); }
    if (arrows.checked) {
      var group = element("g", over, { opacity: chosen === null ? 1 : 0.3 });
      map.spots.forEach(function (place) {
        var both = ends(place);
        arrow(group, both[0], both[1], 0.3 + 0.6 * Math.max(map.similarity[place], 0) / 100);
        element("circle", group, { cx: both[0].x, cy: both[0].y, r: 3.5 });
      });
    }
    if (chosen === null || map.places[chosen] < 0) { return; }
    var marks = element("g", over, { "class": "chosen" }), two = ends(chosen);
    arrow(marks, two[0], two[1], 1);
    two.forEach(function (at) {
      ["around", "inner"].forEach(function (kind) {
        element("rect", marks, { "class": kind, x: at.x - at.w / 2 - 2, y: at.y - at.h / 2 - 2, width: at.w + 4, height: at.h + 4 });
      });
    });
  }
  function say() {
    if (map.places[chosen] < 0) {
      said.textContent = "This place is from no painting: none counts here.";
      return;
    }
    var there = map.places[chosen], same = map.places.filter(function (p) { return p === there; }).length;
    var x = Math.floor((there % styleCols + 0.5) * map.painting[1] / styleCols);
    var y = Math.floor((Math.floor(there / styleCols) + 0.5) * map.painting[0] / styleRows);
    var which = "the painting", row = Math.floor(there / styleCols), col = there % styleCols;
    map.panels.forEach(function (panel) {
      if (col < panel.first || col >= panel.first + panel.columns) { return; }
      x = Math.floor((col - panel.first + 0.5) * panel.width / panel.columns);
      y = Math.floor((row + 0.5) * panel.height / panel.rows);
      which = "painting " + panel.number;
    });
    said.textContent = "This place is from pixel " + x + ", " + y + " of " + which + ". Similarity " +
      (map.similarity[chosen] / 100).toFixed(2) + ". " +
      (same > 1 ? same + " places of the result are from there." : "No other place is from there.");
  }
  function choose(row, col) {
    row = Math.min(Math.max(row, 0), rows - 1);
    col = Math.min(Math.max(col, 0), cols - 1);
    if (chosen === row * cols + col) { return; }
    chosen = row * cols + col;
    say();
    draw();
  }
  function follow(event) {
    if (held && event.type === "pointermove") { return; }
    var box = result.getBoundingClientRect();
    choose(Math.floor((event.clientY - box.top) / box.height * rows), Math.floor((event.clientX - box.left) / box.width * cols));
  }
  result.addEventListener("pointermove", follow);
  result.addEventListener("pointerdown", function (event) {
    held = event.pointerType === "mouse" && !held;
    follow(event);
  });
  result.addEventListener("keydown", function (event) {
    var step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) { return; }
    event.preventDefault();
    held = true;
    var far = event.shiftKey ? 8 : 1;
    var at = chosen === null ? [Math.floor(rows / 2), Math.floor(cols / 2)] : [Math.floor(chosen / cols) + far * step[0], chosen % cols + far * step[1]];
    choose(at[0], at[1]);
  });
  result.addEventListener("dragstart", function (event) { event.preventDefault(); });
  arrows.addEventListener("change", draw);
  window.addEventListener("resize", draw);
  window.addEventListener("load", draw);
  draw();
})();
